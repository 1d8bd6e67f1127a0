#include "policy/pressure.hpp"

#include <gtest/gtest.h>

namespace finwait::policy {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint32_t kAll = Squeeze::kSteps;

TEST(Pressure, LeavesTimeoutsAloneUpToItsStart) {
    EXPECT_EQ(Squeeze::steps_left(0, 1000, {0.6, 1.2}), kAll);
    EXPECT_EQ(Squeeze::steps_left(600, 1000, {0.6, 1.2}), kAll);
    EXPECT_EQ(Squeeze::applied(Timeouts{}, kAll), Timeouts{});
}

TEST(Pressure, ShrinksThemLinearlyToItsEnd) {
    EXPECT_EQ(Squeeze::steps_left(900, 1000, {0.6, 1.2}), kAll / 2);
    EXPECT_EQ(Squeeze::steps_left(1000, 1000, {0.5, 1.0}), 0U);
    EXPECT_EQ(Squeeze::steps_left(2000, 1000, {0.5, 1.0}), 0U);
    const Timeouts half = Squeeze::applied(Timeouts{}, kAll / 2);
    EXPECT_EQ(half.fin_wait_2, seconds(150));
    EXPECT_EQ(half.established, minutes(60 * 60));
    EXPECT_EQ(half.time_wait, seconds(30));
    EXPECT_EQ(half.probe_interval, Timeouts{}.probe_interval);
}

TEST(Pressure, DoesNotShortenWhatEndsConnectionsThatAreInUse) {
    Timeouts t;
    t.fin_wait_2_max = minutes(60);
    const Timeouts none = Squeeze::applied(t, 0);
    EXPECT_EQ(none.alive_max, t.alive_max);
    EXPECT_EQ(none.fin_wait_2_max, t.fin_wait_2_max);
}

TEST(Pressure, DoesNotShortenAfterWhatTimeAConnectionIsResetUnasked) {
    Timeouts t;
    t.on_expiry = OnExpiry::reset;
    EXPECT_EQ(Squeeze::applied(t, 0).fin_wait_2, t.fin_wait_2);
    t.on_expiry = OnExpiry::observe;
    EXPECT_LT(Squeeze::applied(t, 0).fin_wait_2, t.fin_wait_2);
}

TEST(Pressure, NeverMakesATimeoutShorterThanARoundTripNeeds) {
    Timeouts t;
    t.closing = std::chrono::milliseconds(500);
    const Timeouts none = Squeeze::applied(t, 0);
    EXPECT_EQ(none.handshake, seconds(1));
    EXPECT_EQ(none.closing, std::chrono::milliseconds(500)) << "nor longer than it was";
}

TEST(Pressure, CanBeOff) {
    EXPECT_EQ(Squeeze::steps_left(1000, 1000, {kNoPressure, kNoPressure * 2}), kAll);
}

}  // namespace
}  // namespace finwait::policy
