// For callgrind, which counts instructions only inside of these four functions (--toggle-collect): parse,
// look-up, advance, and the engine, which is all three and its own work. Each sees the same bursts of 64
// packets of a thousand established IPv4 flows; prints how many packets each has seen.
#include "core_world.hpp"
#include "flow/table.hpp"
#include "tcp/tracker.hpp"

#include <cstdio>
#include <cstdlib>
#include <vector>

using namespace finwait;
using bench::Flows;

namespace {

constexpr std::uint32_t kFlows = 1000;
constexpr unsigned kBursts = 500;

/// Read by nobody, so that nothing is optimised away.
volatile std::uint64_t sink = 0;

}  // namespace

// With C linkage: names without parameters, as they are told to callgrind.
extern "C" {

[[gnu::noinline]] void measured_parse(const Flows::Packet* packets, tcp::Segment* out) {
    for (std::size_t k = 0; k < Flows::kBurst; ++k)
        sink = static_cast<std::uint64_t>(tcp::parse(packets[k], packets[k].size(), out[k]));
}

[[gnu::noinline]] void measured_look_up(const flow::Table* table, const tcp::Segment* segments,
                                        std::uint32_t* slots) {
    for (std::size_t k = 0; k < Flows::kBurst; ++k)
        slots[k] = table->find(flow::Key::of(segments[k]));
}

[[gnu::noinline]] void measured_advance(tcp::Connection* connections, const std::uint32_t* slots,
                                        const tcp::Segment* segments) {
    for (std::size_t k = 0; k < Flows::kBurst; ++k) {
        const tcp::Role from = segments[k].destination.port == 443 ? tcp::Role::client : tcp::Role::server;
        sink = static_cast<std::uint64_t>(tcp::advance(connections[slots[k]], from, segments[k]).progress);
    }
}

[[gnu::noinline]] void measured_engine(bench::World* world, const Flows::Packet* packets) {
    sink = world->handle({packets, Flows::kBurst});
}
}

int main() {
    Flows flows(kFlows, bench::Kind::v4);
    flow::Table table(kFlows, {1, 2});
    std::vector<tcp::Connection> connections(kFlows);
    for (std::uint32_t i = 0; i < kFlows; ++i) {
        const tcp::Segment syn = flows.handshake(i, 0);
        connections[table.insert(flow::Key::of(syn))] = tcp::open(syn)->connection;
        for (unsigned step = 1; step < 3; ++step) {
            const tcp::Segment next = flows.handshake(i, step);
            tcp::advance(connections[table.find(flow::Key::of(next))],
                         step == 1 ? tcp::Role::server : tcp::Role::client, next);
        }
    }
    bench::World world(kFlows, bench::Kind::v4);
    std::array<tcp::Segment, Flows::kBurst> segments;
    std::array<std::uint32_t, Flows::kBurst> slots{};
    for (unsigned i = 0; i < kBursts; ++i) {
        const auto packets = flows.burst(bench::Order::random);
        measured_parse(packets.data(), segments.data());
        measured_look_up(&table, segments.data(), slots.data());
        measured_advance(connections.data(), slots.data(), segments.data());
        measured_engine(&world, world.flows().burst(bench::Order::random).data());
    }
    if (!world.sound()) {
        std::fputs("a packet was not taken for what it is\n", stderr);
        return 1;
    }
    std::printf("%zu\n", kBursts * Flows::kBurst);
}
