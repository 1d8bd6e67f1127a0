// Segment and connection to both sides' states.
#include "core_bench.hpp"
#include "tcp/tracker.hpp"

#include <memory>
#include <vector>

namespace finwait::bench {
namespace {

struct Tracked {
    explicit Tracked(std::uint32_t count) : flows(count, Kind::v4), connections(count) {
        for (std::uint32_t i = 0; i < count; ++i) {
            connections[i] = tcp::open(flows.handshake(i, 0))->connection;
            tcp::advance(connections[i], tcp::Role::server, flows.handshake(i, 1));
            tcp::advance(connections[i], tcp::Role::client, flows.handshake(i, 2));
        }
    }
    static Tracked& of(std::uint32_t count) {
        static std::unique_ptr<Tracked> kept;
        if (!kept || kept->flows.count() != count) {
            kept.reset();
            kept = std::make_unique<Tracked>(count);
        }
        return *kept;
    }
    Flows flows;
    std::vector<tcp::Connection> connections;
};

void advance(benchmark::State& state) {
    Tracked& tracked = Tracked::of(static_cast<std::uint32_t>(state.range(0)));
    std::array<tcp::Segment, Flows::kBurst> segments;
    std::uint64_t packets = 0;
    for (auto _ : state) {
        const auto burst = tracked.flows.burst(Order(state.range(1)));
        for (std::size_t k = 0; k < burst.size(); ++k)
            if (tcp::parse(burst[k], burst[k].size(), segments[k]) != tcp::ParseError::none)
                return state.SkipWithError("a packet could not be read");
        const tcp::Role from = segments[0].destination.port == 443 ? tcp::Role::client : tcp::Role::server;
        const auto members = tracked.flows.members();
        timed(state, [&] {
            for (std::size_t k = 0; k < segments.size(); ++k)
                benchmark::DoNotOptimize(tcp::advance(tracked.connections[members[k]], from, segments[k]));
        });
        packets += burst.size();
    }
    per_packet(state, packets);
    state.SetLabel(std::string(name(Order(state.range(1)))));
}
BENCHMARK(advance)
    ->ArgsProduct({{1'000, 10'000, 100'000, 1'000'000, 4'000'000}, {0, 1}})
    ->ArgNames({"flows", "order"})
    ->UseManualTime();

}  // namespace
}  // namespace finwait::bench
