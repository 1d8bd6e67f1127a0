// The state file. Its framing, length and checksum are made right for most inputs, so that the records are
// reached; what is taken over is then used: flows are listed, explained, spoken to, left alone for hours, and
// saved again as a file that can be read.
#include "engine/snapshot.hpp"

#include "engine/engine.hpp"
#include "flows.hpp"
#include "input.hpp"
#include "state/checksum.hpp"
#include "state/format.hpp"

#include <algorithm>
#include <string_view>

namespace finwait::fuzz {
namespace {

using state::Octets;
using state::OctetView;

/// Everything but the two things that nobody guesses.
Octets framed(OctetView body) {
    constexpr std::string_view kMagic = "FINWAITD";
    Octets file(kMagic.begin(), kMagic.end());
    engine::OctetWriter out(file);
    out.put(engine::kSnapshotVersion);
    out.put_bytes(body);
    out.put(static_cast<std::uint64_t>(file.size()));
    state::Checksum checksum;
    checksum.add(file);
    out.put(checksum.value());
    return file;
}

state::Origin origin() {
    state::Origin o;
    o.boot = "6a7f0b1c-0000-4000-8000-1234567890ab";
    o.queues = 1;
    o.at = Instant(std::chrono::seconds(100'000));
    o.wall = 1;
    return o;
}

/// One batch of records.
Octets with_records(OctetView records) {
    state::Encoder encoder(origin());
    encoder.add(0, records);
    encoder.finish();
    return encoder.buffer();
}

Octets file_of(Input& in) {
    switch (in.below(4)) {
        case 0: {
            const OctetView raw = in.rest();
            return {raw.begin(), raw.end()};
        }
        case 1: return framed(in.rest());
        default: return with_records(in.rest());
    }
}

engine::Options options(bool selective) {
    engine::Options o;
    o.max_flows = 32;
    o.awake = 2;
    o.selective = selective;
    return o;
}

void save_and_read(const engine::Engine& engine, const state::Origin& before, Instant now) {
    state::Origin later = before;
    later.at = now;
    state::Encoder encoder(later);
    std::optional<std::uint32_t> cursor = 0;
    while (cursor) {
        Octets batch;
        cursor = engine.save(now, *cursor, 16, batch);
        encoder.add(0, batch);
    }
    encoder.finish();
    require(std::holds_alternative<state::Content>(state::decode(encoder.buffer())),
            "a file that was written cannot be read");
}

void use(const state::Content& content, bool selective) {
    // No machine runs for longer, and beyond nine years nothing is saved.
    if (content.origin.at > Instant(std::chrono::hours(24 * 365 * 8))) return;
    std::vector<OctetView> batches;
    for (const state::Batch& batch : content.batches)
        batches.push_back(batch.octets);
    engine::Engine engine(options(selective));
    const Instant start = content.origin.at + std::chrono::seconds(3);
    const std::uint32_t taken = engine.restore(start, content.origin.at, batches);
    require(taken == engine.gauges().flows && taken <= 32, "more flows than there is room for");
    save_and_read(engine, content.origin, start);
    Flows flows(engine, start);
    flows.speak();
    flows.let_pass(std::chrono::hours(1));
    flows.speak();
    save_and_read(engine, content.origin, flows.now());
    flows.let_pass(std::chrono::hours(24 * 30));
}

}  // namespace
}  // namespace finwait::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace finwait;
    fuzz::Input in(data, size);
    const bool selective = in.flag();
    const state::Octets file = fuzz::file_of(in);
    const auto decoded = state::decode(file);
    if (const auto* refusal = std::get_if<std::string>(&decoded))
        fuzz::require(!refusal->empty(), "refused without a reason");
    else
        fuzz::use(std::get<state::Content>(decoded), selective);
    return 0;
}
