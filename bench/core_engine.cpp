// The whole core: bytes to verdict.
#include "core_bench.hpp"
#include "core_world.hpp"

#include <memory>
#include <vector>

namespace finwait::bench {
namespace {

World& world(std::uint32_t count, Kind kind) {
    static std::unique_ptr<World> kept;
    if (kept && kept->is(count, kind)) return *kept;
    kept.reset();
    kept = std::make_unique<World>(count, kind);
    return *kept;
}

void engine(benchmark::State& state) {
    World& w = world(static_cast<std::uint32_t>(state.range(0)), Kind(state.range(2)));
    std::uint64_t packets = 0;
    for (auto _ : state) {
        const auto burst = w.flows().burst(Order(state.range(1)));
        timed(state, [&] { benchmark::DoNotOptimize(w.handle(burst)); });
        packets += burst.size();
    }
    if (!w.sound()) return state.SkipWithError("a packet was not taken for what it is");
    per_packet(state, packets);
    label(state);
}
BENCHMARK(engine)->Apply(flow_counts);

/// A flow of a listing, told by the shard.
void listing(benchmark::State& state) {
    World& w = world(static_cast<std::uint32_t>(state.range(0)), Kind::v4);
    std::vector<engine::FlowReport> reports;
    std::uint32_t cursor = 0;
    std::uint64_t flows = 0;
    for (auto _ : state) {
        timed(state, [&] { cursor = w.list(cursor, 16, reports); });
        flows += reports.size();
    }
    per_packet(state, flows);
}
BENCHMARK(listing)->ArgName("flows")->Arg(1'000)->Arg(1'000'000)->UseManualTime();

}  // namespace
}  // namespace finwait::bench
