// Timers: arming one anew, and firing those that are due. "Packets" are timers here.
#include "core_bench.hpp"
#include "flow/wheel.hpp"

#include <vector>

namespace finwait::bench {
namespace {

using namespace std::chrono_literals;

/// Deadlines as policies make them: from a second to minutes away.
Duration distance(std::uint64_t random) {
    return 1s + std::chrono::milliseconds(random % 300'000);
}

class Random {
  public:
    std::uint64_t operator()() {
        state_ ^= state_ << 13U;
        state_ ^= state_ >> 7U;
        state_ ^= state_ << 17U;
        return state_ >> 16U;
    }

  private:
    std::uint64_t state_ = 88172645463325252U;
};

void wheel_arm(benchmark::State& state) {
    const auto timers = static_cast<std::uint32_t>(state.range(0));
    Random random;
    flow::Wheel wheel(timers);
    for (std::uint32_t i = 0; i < timers; ++i)
        wheel.arm(i, Instant(distance(random())));
    std::array<std::pair<std::uint32_t, Instant>, Flows::kBurst> burst;
    std::uint64_t armed = 0;
    for (auto _ : state) {
        for (auto& [slot, when] : burst) {
            slot = static_cast<std::uint32_t>(random() % timers);
            when = Instant(distance(random()));
        }
        timed(state, [&] {
            for (const auto& [slot, when] : burst)
                wheel.arm(slot, when);
        });
        armed += burst.size();
    }
    per_packet(state, armed);
}
BENCHMARK(wheel_arm)
    ->ArgName("flows")
    ->RangeMultiplier(10)
    ->Range(1'000, 1'000'000)
    ->Arg(4'000'000)
    ->UseManualTime();

/// A second passes in steps of a tick; whoever fires before its time is armed again, as the engine does.
void wheel_fire(benchmark::State& state) {
    const auto timers = static_cast<std::uint32_t>(state.range(0));
    Random random;
    flow::Wheel wheel(timers);
    std::vector<Instant> deadline(timers);
    Instant now;
    for (std::uint32_t i = 0; i < timers; ++i)
        wheel.arm(i, deadline[i] = now + distance(random()));
    std::uint64_t fired = 0;
    for (auto _ : state) {
        timed(state, [&] {
            for (const Instant end = now + 1s; now < end; now = now + flow::Wheel::kTick) {
                for (std::uint32_t slot; (slot = wheel.pop(now)) != flow::kNoSlot;) {
                    if (deadline[slot] <= now) {
                        deadline[slot] = now + distance(random());
                        ++fired;
                    }
                    wheel.arm(slot, deadline[slot]);
                }
            }
        });
    }
    per_packet(state, fired);
}
BENCHMARK(wheel_fire)
    ->ArgName("flows")
    ->RangeMultiplier(10)
    ->Range(1'000, 1'000'000)
    ->Arg(4'000'000)
    ->UseManualTime();

}  // namespace
}  // namespace finwait::bench
