#include "flow/trail.hpp"

#include <algorithm>
#include <limits>

#include <gtest/gtest.h>

namespace finwait::flow {
namespace {

constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();

Step step(std::uint32_t length) {
    Step s;
    s.length = length;
    return s;
}

TEST(Trail, KeepsTheNewestAndKnowsHowManyThereWere) {
    Trail trail;
    for (std::uint32_t i = 0; i < 11; ++i)
        trail.add(step(i));
    EXPECT_EQ(trail.total(), 11U);
    ASSERT_EQ(trail.size(), Trail::kCapacity);
    EXPECT_EQ(trail[0].length, 3U);
    EXPECT_EQ(trail[7].length, 10U);
}

TEST(Trail, ShowsOnlyWhatWasAddedAfterStepsThatAreNotKnown) {
    Trail trail;
    trail.begin_after(5);
    EXPECT_EQ(trail.size(), 0U);
    trail.add(step(1));
    EXPECT_EQ(trail.total(), 6U);
    ASSERT_EQ(trail.size(), 1U);
    EXPECT_EQ(trail[0].length, 1U);
}

TEST(Trail, LosesNothingThatItKeepsWhenThereAreMoreThanCanBeCounted) {
    Trail trail;
    trail.begin_after(kMost - 3);
    for (std::uint32_t i = 0; i < 100; ++i) {
        trail.add(step(i));
        ASSERT_EQ(trail.size(), std::min<std::size_t>(i + 1, Trail::kCapacity)) << i;
        EXPECT_GT(trail.total(), kMost - Trail::kCapacity) << "not from the beginning again";
        EXPECT_EQ(trail[trail.size() - 1].length, i);
        EXPECT_EQ(trail[0].length, i + 1 - trail.size());
    }
}

}  // namespace
}  // namespace finwait::flow
