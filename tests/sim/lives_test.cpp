#include "exhaustive.hpp"
#include "world.hpp"

#include <sstream>

#include <gtest/gtest.h>

namespace finwait::sim {
namespace {

constexpr std::uint64_t kLives = 10'000;

std::string told(const Violation& v) {
    std::ostringstream out;
    out << v.what << '\n' << text(v.life);
    static_cast<void>(live(v.life, &out));
    return out.str();
}

void expect_no_violation(const Lives& lives) {
    for (const Violation& v : lives.violations)
        ADD_FAILURE() << told(v);
    // A run that checks nothing proves nothing.
    EXPECT_GT(lives.tally.claims, lives.lived * 10);
    EXPECT_GT(lives.tally.quiet, lives.lived);
    EXPECT_LT(lives.tally.excused * 20, lives.tally.quiet);
    EXPECT_GT(lives.tally.half_closed, lives.lived / 4);
    EXPECT_GT(lives.tally.kept, 0U);
}

/// All that the egress may decide has been decided.
void expect_gateway(const Tally& tally) {
    EXPECT_GT(tally.translated, 0U);
    EXPECT_GT(tally.destroyed, 0U);
    for (std::size_t i = 0; i < tally.notices.size(); ++i)
        EXPECT_GT(tally.notices[i], 0U) << "notice " << i;
}

TEST(Lives, NoClaimOrResetIsEverWrongWhenAllPacketsAreSeen) {
    const Lives lives = live_many(1, kLives, false);
    expect_no_violation(lives);
    EXPECT_GT(lives.tally.resets, 0U);
    EXPECT_GT(lives.tally.forged, 0U);
    EXPECT_GT(lives.tally.translated, 0U);
    EXPECT_GT(lives.tally.destroyed, 0U);
}

TEST(Lives, NoClaimOrResetIsEverWrongWhenOnlyEndsAndBeginningsAreSeen) {
    const Lives lives = live_many(1, kLives, true);
    expect_no_violation(lives);
    EXPECT_GT(lives.tally.resets, 0U);
    EXPECT_GT(lives.tally.forged, 0U);
    expect_gateway(lives.tally);
}

TEST(Lives, EveryStateIsClaimedAndCompared) {
    const std::uint32_t claimed =
        live_many(1, 1000, false).tally.claimed | live_many(1, 1000, true).tally.claimed;
    for (std::size_t s = 0; s < tcp::kStateCount; ++s) {
        const auto state = static_cast<tcp::State>(s);
        if (state == tcp::State::listen) continue;  // of a listener nothing passes
        EXPECT_TRUE((claimed >> s & 1U) != 0) << name(state);
    }
}

TEST(Lives, ALifeRunsTheSameTwice) {
    for (const std::uint64_t seed : {7U, 77U, 777U}) {
        std::ostringstream first;
        std::ostringstream second;
        static_cast<void>(live(random_life(seed, true), &first));
        static_cast<void>(live(random_life(seed, true), &second));
        EXPECT_EQ(first.str(), second.str());
    }
}

TEST(EverySchedule, OfABurstWithTwoFaultsIsToldRightWhenAllPacketsAreSeen) {
    expect_no_violation(live_every_schedule(false, Pace::at_once));
}

TEST(EverySchedule, OneAfterTheOtherWithTwoFaultsIsToldRightWhenAllPacketsAreSeen) {
    expect_no_violation(live_every_schedule(false, Pace::settled));
}

TEST(EverySchedule, OfABurstWithTwoFaultsIsToldRightWhenOnlyEndsAndBeginningsAreSeen) {
    expect_no_violation(live_every_schedule(true, Pace::at_once));
}

TEST(EverySchedule, OneAfterTheOtherWithTwoFaultsIsToldRightWhenOnlyEndsAndBeginningsAreSeen) {
    expect_no_violation(live_every_schedule(true, Pace::settled));
}

}  // namespace
}  // namespace finwait::sim
