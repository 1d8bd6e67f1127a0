#include "policy/breaker.hpp"

#include <gtest/gtest.h>

namespace finwait::policy {
namespace {

using std::chrono::seconds;

std::uint64_t admitted(Breaker& breaker, Instant now, std::uint64_t wanted, std::uint64_t flows,
                       double share) {
    std::uint64_t n = 0;
    while (n < wanted && breaker.admit(now, flows - n, share))
        ++n;
    return n;
}

TEST(Breaker, OpensAtMoreThanItsShareOfTheTable) {
    Breaker breaker;
    EXPECT_EQ(admitted(breaker, Instant(seconds(100)), 10'000, 10'000, 0.25), 2500U);
    EXPECT_TRUE(breaker.open());
    EXPECT_FALSE(breaker.admit(Instant(seconds(10'000)), 10'000, 0.25));
}

TEST(Breaker, LetsAFewGoHoweverSmallTheTable) {
    Breaker breaker;
    EXPECT_EQ(admitted(breaker, Instant(seconds(100)), Breaker::kFloor, Breaker::kFloor, 0.01),
              Breaker::kFloor);
    EXPECT_FALSE(breaker.open());
}

TEST(Breaker, ForgetsWhatIsOlderThanAMinute) {
    Breaker breaker;
    for (int minute = 0; minute < 10; ++minute)
        EXPECT_EQ(admitted(breaker, Instant(seconds(60 * minute)), 2000, 10'000, 0.25), 2000U);
    EXPECT_FALSE(breaker.open());
    EXPECT_EQ(breaker.recent(Instant(seconds(60 * 9 + 54))), 2000U);
    EXPECT_EQ(breaker.recent(Instant(seconds(60 * 10))), 0U);
}

TEST(Breaker, CountsTheMinuteAndNotTheStep) {
    Breaker breaker;
    for (int step = 0; step < 5; ++step)
        EXPECT_EQ(admitted(breaker, Instant(seconds(5 * step)), 500, 10'000, 0.25), 500U);
    EXPECT_FALSE(breaker.admit(Instant(seconds(25)), 10'000 - 2500, 0.25));
}

TEST(Breaker, ClosesOnRequestAndBeginsToCountAnew) {
    Breaker breaker;
    admitted(breaker, Instant(seconds(100)), 10'000, 10'000, 0.25);
    breaker.close();
    EXPECT_TRUE(breaker.admit(Instant(seconds(101)), 10'000, 0.25));
}

TEST(Breaker, OfTheWholeTableNeverOpens) {
    Breaker breaker;
    EXPECT_EQ(admitted(breaker, Instant(seconds(100)), 10'000, 10'000, kNoBreaker), 10'000U);
}

}  // namespace
}  // namespace finwait::policy
