#include "policy/breaker.hpp"

#include <gtest/gtest.h>

namespace finwait::policy {
namespace {

using std::chrono::seconds;

/// How many of `wanted` ends are admitted, each of another source.
std::uint64_t admitted(Breaker& breaker, Instant now, std::uint64_t wanted, std::uint64_t flows,
                       double share) {
    std::uint64_t n = 0;
    while (n < wanted && breaker.admit(now, flows - n, share, n) == Admission::admitted)
        ++n;
    return n;
}

/// The same, all of one source.
std::uint64_t admitted_of(std::uint64_t source, Breaker& breaker, Instant now, std::uint64_t wanted,
                          std::uint64_t flows, double share) {
    std::uint64_t n = 0;
    while (n < wanted && breaker.admit(now, flows, share, source) == Admission::admitted)
        ++n;
    return n;
}

TEST(Breaker, OpensAtMoreThanItsShareOfTheTable) {
    Breaker breaker;
    EXPECT_EQ(admitted(breaker, Instant(seconds(100)), 10'000, 10'000, 0.25), 2500U);
    EXPECT_TRUE(breaker.open());
    EXPECT_EQ(breaker.admit(Instant(seconds(10'000)), 10'000, 0.25, 1), Admission::stopped);
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
    EXPECT_EQ(breaker.admit(Instant(seconds(25)), 10'000 - 2500, 0.25, 1), Admission::stopped);
}

TEST(Breaker, ClosesOnRequestAndBeginsToCountAnew) {
    Breaker breaker;
    admitted(breaker, Instant(seconds(100)), 10'000, 10'000, 0.25);
    breaker.close();
    EXPECT_EQ(breaker.admit(Instant(seconds(101)), 10'000, 0.25, 1), Admission::admitted);
}

TEST(Breaker, OfTheWholeTableNeverOpens) {
    Breaker breaker;
    EXPECT_EQ(admitted(breaker, Instant(seconds(100)), 10'000, 10'000, kNoBreaker), 10'000U);
    EXPECT_EQ(admitted_of(7, breaker, Instant(seconds(100)), 10'000, 10'000, kNoBreaker), 10'000U);
}

TEST(Breaker, OneSourceHasAQuarterAndCannotOpenIt) {
    Breaker breaker;
    const Instant now(seconds(100));
    EXPECT_EQ(admitted_of(7, breaker, now, 10'000, 10'000, 0.25), 2500U / 4);
    EXPECT_EQ(breaker.admit(now, 10'000, 0.25, 7), Admission::source_full);
    EXPECT_FALSE(breaker.open());
    EXPECT_EQ(breaker.admit(now, 10'000, 0.25, 8), Admission::admitted) << "others go on";
}

TEST(Breaker, FiveSourcesTogetherOpenIt) {
    Breaker breaker;
    const Instant now(seconds(100));
    std::uint64_t ends = 0;
    for (std::uint64_t source = 1; source <= 4; ++source)
        ends += admitted_of(source, breaker, now, 10'000, 100, 0.5);
    EXPECT_EQ(ends, Breaker::kFloor);
    EXPECT_FALSE(breaker.open());
    EXPECT_EQ(breaker.admit(now, 100, 0.5, 5), Admission::stopped);
    EXPECT_TRUE(breaker.open());
}

TEST(Breaker, ASourceHasItsPartAgainAMinuteLaterAndNotSooner) {
    Breaker breaker;
    const std::uint64_t part = Breaker::kFloor / Breaker::kSourcePart;
    EXPECT_EQ(admitted_of(7, breaker, Instant(seconds(119)), 1000, 100, 0.5), part);
    EXPECT_EQ(admitted_of(7, breaker, Instant(seconds(121)), 1000, 100, 0.5), 3U)
        << "another minute by the clock, but only a thirtieth of it has passed";
    EXPECT_EQ(breaker.admit(Instant(seconds(121)), 100, 0.5, 7), Admission::source_full);
    EXPECT_EQ(admitted_of(7, breaker, Instant(seconds(180)), 1000, 100, 0.5), part - 3);
    EXPECT_EQ(admitted_of(7, breaker, Instant(seconds(300)), 1000, 100, 0.5), part);
}

TEST(Breaker, TheTimeGoesOnWhileASourceMakesNoEnds) {
    Breaker breaker;
    const Instant now(seconds(6000));
    EXPECT_EQ(breaker.admit(now, 100, 0.5, 7), Admission::admitted);
    EXPECT_EQ(admitted_of(7, breaker, Instant(seconds(60'000)), 1000, 100, 0.5),
              Breaker::kFloor / Breaker::kSourcePart);
}

}  // namespace
}  // namespace finwait::policy
