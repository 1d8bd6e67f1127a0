// A state file for tests: where it says that it comes from, and an engine with a few flows.
#pragma once

#include "state/file.hpp"
#include "support/path.hpp"

namespace finwait::state::testing {

using engine::testing::Path;

inline Origin origin() {
    Origin o;
    o.boot = "6a7f0b1c-0000-4000-8000-1234567890ab";
    o.network = 4026531840;
    o.mark_mask = 0x40000000;
    o.first_queue = 3;
    o.queues = 2;
    o.backend = 1;
    o.spreaders[0] = 77;
    o.at = Instant(std::chrono::seconds(1000));
    o.wall = 1'700'000'000'000'000'000;
    return o;
}

inline Path few_flows() {
    Path path(engine::testing::all_packets());
    for (std::uint16_t port = 40000; port < 40003; ++port) {
        path.use_port(port);
        path.client_half_closed();
    }
    return path;
}

inline Octets batch_of(const Path& path) {
    Octets batch;
    static_cast<void>(path.engine.save(origin().at, 0, 1000, batch));
    return batch;
}

inline Octets encoded(std::size_t batches = 1) {
    Encoder encoder(origin());
    const Octets batch = batch_of(few_flows());
    for (std::size_t i = 0; i < batches; ++i)
        encoder.add(static_cast<std::uint16_t>(i), batch);
    encoder.finish();
    return encoder.buffer();
}

inline std::string refusal(OctetView file) {
    const auto decoded = decode(file);
    const auto* reason = std::get_if<std::string>(&decoded);
    return reason != nullptr ? *reason : "none";
}

}  // namespace finwait::state::testing
