// Bytes to segment.
#include "core_bench.hpp"

namespace finwait::bench {
namespace {

void parse(benchmark::State& state) {
    Flows flows(1000, Kind(state.range(0)));
    std::uint64_t packets = 0;
    for (auto _ : state) {
        const auto burst = flows.burst(Order::sequential);
        timed(state, [&] {
            for (const Flows::Packet packet : burst) {
                tcp::Segment segment;
                benchmark::DoNotOptimize(tcp::parse(packet, packet.size(), segment));
                benchmark::DoNotOptimize(segment);
            }
        });
        packets += burst.size();
    }
    per_packet(state, packets);
    state.SetLabel(std::string(name(Kind(state.range(0)))));
}
BENCHMARK(parse)->ArgName("kind")->DenseRange(0, 2)->UseManualTime();

}  // namespace
}  // namespace finwait::bench
