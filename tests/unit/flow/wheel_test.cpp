#include "flow/wheel.hpp"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace finwait::flow {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

Instant at(Duration d) {
    return Instant(d);
}

TEST(Wheel, NothingArmedNeverFires) {
    Wheel wheel(10);
    EXPECT_EQ(wheel.next(), Instant::never());
    EXPECT_EQ(wheel.pop(at(hours(1000))), kNoSlot);
}

TEST(Wheel, FiresAtTheDeadlineAndNotBefore) {
    Wheel wheel(10);
    wheel.arm(3, at(milliseconds(100)));
    EXPECT_EQ(wheel.pop(at(milliseconds(99))), kNoSlot);
    EXPECT_EQ(wheel.pop(at(milliseconds(100))), 3U);
    EXPECT_EQ(wheel.pop(at(milliseconds(100))), kNoSlot);
}

TEST(Wheel, ADeadlineInThePastFiresAtTheNextTick) {
    Wheel wheel(10);
    EXPECT_EQ(wheel.pop(at(seconds(5))), kNoSlot);
    wheel.arm(1, at(seconds(1)));
    EXPECT_EQ(wheel.pop(at(seconds(5) + Wheel::kTick)), 1U);
}

TEST(Wheel, ACancelledEntryDoesNotFire) {
    Wheel wheel(10);
    wheel.arm(1, at(milliseconds(40)));
    wheel.arm(2, at(milliseconds(40)));
    wheel.cancel(1);
    EXPECT_EQ(wheel.pop(at(seconds(1))), 2U);
    EXPECT_EQ(wheel.pop(at(seconds(1))), kNoSlot);
    EXPECT_EQ(wheel.next(), Instant::never());
}

TEST(Wheel, TheEarliestOfSeveralDeadlinesStays) {
    Wheel wheel(10);
    wheel.arm(1, at(milliseconds(400)));
    wheel.arm(1, at(milliseconds(40)));
    wheel.arm(1, at(milliseconds(200)));
    EXPECT_EQ(wheel.wakes(1), at(milliseconds(40)));
    EXPECT_EQ(wheel.pop(at(milliseconds(40))), 1U);
    EXPECT_EQ(wheel.pop(at(seconds(1))), kNoSlot);
}

TEST(Wheel, ItTellsWhenItWakes) {
    Wheel wheel(10);
    EXPECT_EQ(wheel.wakes(1), Instant::never());
    for (const Duration d : {Duration(milliseconds(3)), Duration(seconds(7)), Duration(hours(300))}) {
        static_cast<void>(wheel.pop(at(milliseconds(1234))));
        wheel.arm(1, at(milliseconds(1234) + d));
        const Instant wakes = wheel.wakes(1);
        EXPECT_EQ(wheel.next(), wakes);
        EXPECT_EQ(wheel.pop(wakes - milliseconds(1)), kNoSlot);
        EXPECT_EQ(wheel.pop(wakes), 1U);
        wheel = Wheel(10);
    }
}

TEST(Wheel, CancellingWhatIsDueButNotYetTakenWorks) {
    Wheel wheel(10);
    wheel.arm(1, at(milliseconds(40)));
    wheel.arm(2, at(milliseconds(40)));
    const std::uint32_t first = wheel.pop(at(seconds(1)));
    wheel.cancel(first == 1 ? 2 : 1);
    EXPECT_EQ(wheel.pop(at(seconds(1))), kNoSlot);
}

/// Pops and arms again what fires early, as the engine does; returns when each slot was found due.
std::map<std::uint32_t, Instant> run(Wheel& wheel, const std::map<std::uint32_t, Instant>& deadlines) {
    std::map<std::uint32_t, Instant> fired;
    for (int steps = 0; wheel.next() != Instant::never() && steps < 1'000'000; ++steps) {
        const Instant now = wheel.next();
        for (std::uint32_t slot = wheel.pop(now); slot != kNoSlot; slot = wheel.pop(now)) {
            if (deadlines.at(slot) <= now)
                fired[slot] = now;
            else
                wheel.arm(slot, deadlines.at(slot));
        }
    }
    return fired;
}

TEST(Wheel, EveryDeadlineFromMillisecondsToWeeksFiresWithinOneTick) {
    std::mt19937_64 random(1);
    Wheel wheel(2000);
    std::map<std::uint32_t, Instant> deadlines;
    for (std::uint32_t slot = 0; slot < 2000; ++slot) {
        const auto bits = random() % 51;
        deadlines[slot] = at(Duration(static_cast<std::int64_t>(random() % (1ULL << bits)) + 1));
        wheel.arm(slot, deadlines[slot]);
    }
    const auto fired = run(wheel, deadlines);
    ASSERT_EQ(fired.size(), deadlines.size());
    for (const auto& [slot, when] : fired) {
        EXPECT_GE(when, deadlines[slot]);
        EXPECT_LE(when - deadlines[slot], Wheel::kTick + Wheel::kTick);
    }
}

}  // namespace
}  // namespace finwait::flow
