// Segment to flow: key, hash, look-up.
#include "core_bench.hpp"
#include "flow/table.hpp"

#include <memory>

namespace finwait::bench {
namespace {

/// The last one made is kept: a table of four million flows takes longer to fill than to measure.
struct Filled {
    Filled(std::uint32_t count, Kind k)
        : kind(k), flows(count, k), table(count, {0x0706050403020100, 0x0F0E0D0C0B0A0908}) {
        for (std::uint32_t i = 0; i < count; ++i)
            benchmark::DoNotOptimize(table.insert(flow::Key::of(flows.handshake(i, 0))));
    }
    static Filled& of(std::uint32_t count, Kind kind) {
        static std::unique_ptr<Filled> kept;
        if (kept && kept->kind == kind && kept->flows.count() == count) return *kept;
        kept.reset();
        kept = std::make_unique<Filled>(count, kind);
        return *kept;
    }
    Kind kind;
    Flows flows;
    flow::Table table;
};

void look_up(benchmark::State& state) {
    Filled& filled = Filled::of(static_cast<std::uint32_t>(state.range(0)), Kind(state.range(2)));
    std::array<tcp::Segment, Flows::kBurst> segments;
    std::uint64_t packets = 0;
    for (auto _ : state) {
        const auto burst = filled.flows.burst(Order(state.range(1)));
        for (std::size_t k = 0; k < burst.size(); ++k)
            if (tcp::parse(burst[k], burst[k].size(), segments[k]) != tcp::ParseError::none)
                return state.SkipWithError("a packet could not be read");
        timed(state, [&] {
            for (const tcp::Segment& segment : segments)
                benchmark::DoNotOptimize(filled.table.find(flow::Key::of(segment)));
        });
        packets += burst.size();
    }
    per_packet(state, packets);
    label(state);
}
BENCHMARK(look_up)->Apply(flow_counts);

}  // namespace
}  // namespace finwait::bench
