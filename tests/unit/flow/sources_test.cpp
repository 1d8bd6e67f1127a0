#include "flow/sources.hpp"

#include <gtest/gtest.h>

namespace finwait::flow {
namespace {

const tcp::Address kA = *tcp::Address::parse("10.0.0.1");
const tcp::Address kB = *tcp::Address::parse("2001:db8::1");

TEST(Sources, KeepEachSourcesFlowsInTheirOrder) {
    Sources s({1, 2});
    EXPECT_EQ(s.add(7, kA), 1U);
    EXPECT_EQ(s.add(3, kB), 1U);
    EXPECT_EQ(s.add(9, kA), 2U);
    EXPECT_EQ(s.add(9, kA), 2U) << "it is in already";
    EXPECT_EQ(s.oldest(kA), 7U);
    s.remove(7);
    EXPECT_EQ(s.oldest(kA), 9U);
    EXPECT_EQ(s.oldest(kB), 3U);
}

TEST(Sources, AFlowInTheMiddleLeavesItsNeighboursInOrder) {
    Sources s({1, 2});
    for (std::uint32_t slot = 0; slot < 5; ++slot)
        EXPECT_EQ(s.add(slot, kA), slot + 1);
    s.remove(2);
    s.remove(4);
    s.remove(4);
    for (const std::uint32_t expected : {0U, 1U, 3U}) {
        EXPECT_EQ(s.oldest(kA), expected);
        s.remove(expected);
    }
    EXPECT_EQ(s.sources(), 0U);
}

}  // namespace
}  // namespace finwait::flow
