#include "machine/balance.hpp"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finwait::machine {
namespace {

using testing::HasSubstr;
using Counts = std::array<std::uint32_t, 2>;

constexpr std::uint32_t kBusy = Balance::kLoad * 60 * 2;

TEST(Balance, OneQueueThatGetsNearlyAllPacketsIsTold) {
    Balance balance;
    EXPECT_FALSE(balance.look(Counts{5'000'000, 10}, 4, false));  // of how long, nobody knows
    const auto told = balance.look(Counts{5'000'000 + 10'000, 10 + kBusy}, 4, false);
    ASSERT_TRUE(told);
    EXPECT_THAT(*told, HasSubstr("queue 5 got 99 % of the last minute's packets (20166 a second)"));
    EXPECT_THAT(*told, HasSubstr("intercept.spread = \"ports\""));
}

TEST(Balance, ItIsToldOnce) {
    Balance balance;
    static_cast<void>(balance.look(Counts{0, 0}, 0, false));
    EXPECT_TRUE(balance.look(Counts{kBusy, 0}, 0, false));
    EXPECT_FALSE(balance.look(Counts{2 * kBusy, 0}, 0, false));
}

TEST(Balance, QueuesThatShareTheLoadAreNotToldOf) {
    Balance balance;
    static_cast<void>(balance.look(Counts{0, 0}, 0, false));
    EXPECT_FALSE(balance.look(Counts{kBusy, kBusy / 4}, 0, false));
}

TEST(Balance, LittleTrafficMayComeToOneQueue) {
    Balance balance;
    static_cast<void>(balance.look(Counts{0, 0}, 0, false));
    EXPECT_FALSE(balance.look(Counts{Balance::kLoad * 59, 0}, 0, false));
}

TEST(Balance, OneQueueIsAll) {
    Balance balance;
    const std::array<std::uint32_t, 1> none{0};
    const std::array<std::uint32_t, 1> many{kBusy};
    static_cast<void>(balance.look(none, 0, false));
    EXPECT_FALSE(balance.look(many, 0, false));
}

TEST(Balance, TheKernelsCountersWrap) {
    Balance balance;
    static_cast<void>(balance.look(Counts{UINT32_MAX - 5, 0}, 0, false));
    EXPECT_FALSE(balance.look(Counts{kBusy / 2, kBusy / 2}, 0, false));
}

TEST(Balance, SpreadByPortsAlreadyNothingElseIsAdvised) {
    Balance balance;
    static_cast<void>(balance.look(Counts{0, 0}, 0, true));
    const auto told = balance.look(Counts{kBusy, 0}, 0, true);
    ASSERT_TRUE(told);
    EXPECT_THAT(*told, HasSubstr("nothing spreads a single one"));
}

}  // namespace
}  // namespace finwait::machine
