// An engine with established flows, as in mode `all`.
#pragma once

#include "core_flows.hpp"
#include "engine/engine.hpp"
#include "host/large_pages.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace finwait::bench {

class World {
  public:
    World(std::uint32_t count, Kind kind) : kind_(kind), flows_(count, kind), engine_(options(count)) {
        for (std::uint32_t i = 0; i < count; ++i)
            for (unsigned step = 0; step < 3; ++step)
                static_cast<void>(engine_.on_segment(now_, flows_.handshake(i, step)));
    }

    [[nodiscard]] bool is(std::uint32_t count, Kind kind) const {
        return kind_ == kind && flows_.count() == count;
    }
    [[nodiscard]] Flows& flows() { return flows_; }

    /// What a shard does with a burst, without the queue. Returns the verdicts' sum, which is 0.
    std::uint64_t handle(std::span<const Flows::Packet> burst) {
        now_ = now_ + std::chrono::microseconds(10);
        std::uint64_t verdicts = 0;
        for (std::size_t i = 0; i < burst.size(); ++i) {
            segments_[i] = {};
            if (tcp::parse(burst[i], burst[i].size(), segments_[i]) != tcp::ParseError::none) return 1;
        }
        const std::span segments(segments_.data(), burst.size());
        engine_.expect(segments);
        for (const tcp::Segment& segment : segments)
            verdicts += static_cast<std::uint64_t>(engine_.on_segment(now_, segment));
        return verdicts;
    }

    /// What a listing takes from a shard at once; where to go on, 0 at the end.
    std::uint32_t list(std::uint32_t cursor, std::uint32_t slots, std::vector<engine::FlowReport>& reports) {
        reports.clear();
        return engine_.visit(now_, cursor, slots, policy::Filter(), reports).value_or(0);
    }

    /// Whether every packet was what its flow expected.
    [[nodiscard]] bool sound() const {
        const engine::Counters& c = engine_.counters();
        return c.packets_invalid == 0 && c.packets_unparsed == 0 && c.flows_opened == flows_.count();
    }

  private:
    static engine::Options options(std::uint32_t count) {
        engine::Options o;
        o.max_flows = count;
        o.selective = false;
        o.hash_key[0] = 0x0706050403020100;
        o.hash_key[1] = 0x0F0E0D0C0B0A0908;
        o.memory = &host::large_pages();
        o.tuning.pressure.start = policy::kNoPressure;
        return o;
    }

    Kind kind_;
    Flows flows_;
    engine::Engine engine_;
    std::array<tcp::Segment, Flows::kBurst> segments_;
    Instant now_{std::chrono::seconds(1)};
};

}  // namespace finwait::bench
