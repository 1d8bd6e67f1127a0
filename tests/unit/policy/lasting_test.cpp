#include "policy/lasting.hpp"

#include <gtest/gtest.h>

namespace finwait::policy {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Lasting, PutsEachIntoTheBucketOfItsBound) {
    Lasting l;
    l.add(milliseconds(1));
    l.add(seconds(1));
    l.add(milliseconds(1001));
    l.add(hours(5));
    EXPECT_EQ(l.buckets()[0], 2U);
    EXPECT_EQ(l.buckets()[1], 1U);
    EXPECT_EQ(l.buckets().back(), 1U);
    EXPECT_EQ(l.count(), 4U);
}

TEST(Lasting, FindsTheBoundThatAShareDoesNotExceed) {
    Lasting l;
    for (int i = 0; i < 90; ++i)
        l.add(seconds(1));
    for (int i = 0; i < 10; ++i)
        l.add(seconds(25));
    EXPECT_EQ(l.bound_of(0.9), seconds(1));
    EXPECT_EQ(l.bound_of(0.91), seconds(30));
    l.add(hours(9));
    EXPECT_EQ(l.bound_of(1.0), std::nullopt);
    EXPECT_EQ(Lasting{}.bound_of(0.5), std::nullopt);
}

TEST(Lasting, SuggestsNothingFromAFewSamples) {
    Lasting l;
    for (std::uint64_t i = 1; i < kLeastSamples; ++i)
        l.add(seconds(3));
    EXPECT_EQ(suggested_fin_wait_2(l), std::nullopt);
    l.add(seconds(7));
    EXPECT_EQ(suggested_fin_wait_2(l), seconds(10)) << "not one may exceed it yet";
}

TEST(Lasting, SuggestsABoundThatOneInAThousandExceeds) {
    Lasting l;
    for (int i = 0; i < 1000; ++i)
        l.add(seconds(3));
    l.add(hours(3));
    EXPECT_EQ(suggested_fin_wait_2(l), seconds(5));
}

}  // namespace
}  // namespace finwait::policy
