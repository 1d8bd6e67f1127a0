// A daemon's life after another one's, for tests: what the first engine has saved, the second takes over.
#pragma once

#include "engine/snapshot.hpp"
#include "support/path.hpp"

namespace finwait::engine::testing {

using Octets = std::vector<std::uint8_t>;

inline std::vector<Octets> saved(const Path& path, std::uint32_t slots = 16) {
    std::vector<Octets> batches;
    std::optional<std::uint32_t> cursor = 0;
    while (cursor)
        cursor = path.engine.save(path.now, *cursor, slots, batches.emplace_back());
    return batches;
}

/// A daemon's life after `before`'s, begun `down` later.
inline Path restarted(const Path& before, Options options, Duration down = seconds(0)) {
    const std::vector<Octets> batches = saved(before);
    const std::vector<std::span<const std::uint8_t>> views(batches.begin(), batches.end());
    Path after(std::move(options));
    after.now = before.now + down;
    for (const auto view : views)
        EXPECT_TRUE(readable(view, before.now));
    after.engine.restore(after.now, before.now, views);
    return after;
}

inline Options with(policy::OnExpiry on_expiry, Options options = all_packets()) {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(6);
    t.on_expiry = on_expiry;
    options.tuning.policies = policy::PolicySet({}, t);
    return options;
}

inline Path half_closed(policy::OnExpiry on_expiry) {
    Path path(with(on_expiry));
    path.client_half_closed();
    path.wait(seconds(3));
    return path;
}

}  // namespace finwait::engine::testing
