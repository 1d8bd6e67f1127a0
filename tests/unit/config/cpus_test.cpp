#include "config/cpus.hpp"

#include <gmock/gmock.h>

namespace finwait::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Cpus, AListOfNumbersAndRanges) {
    EXPECT_THAT(parse_cpus("").value(), IsEmpty());
    EXPECT_THAT(parse_cpus("3").value(), ElementsAre(3));
    EXPECT_THAT(parse_cpus("2-4,0,1023").value(), ElementsAre(2, 3, 4, 0, 1023));
}

TEST(Cpus, AreWrittenAsRanges) {
    using Numbers = std::vector<std::uint16_t>;
    EXPECT_EQ(cpus_text(Numbers{}), "");
    EXPECT_EQ(cpus_text(Numbers{4}), "4");
    EXPECT_EQ(cpus_text(Numbers{0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
}

TEST(Cpus, EachOfAListHasAQueueAndElseEachOfTheMachine) {
    EXPECT_EQ(automatic_queues("0-2,9"), 4);
    EXPECT_EQ(automatic_queues("0-999"), 256);
    EXPECT_GE(automatic_queues(""), 1);
}

TEST(Cpus, WhatIsNoListIsRefused) {
    for (const char* text : {",", "1,", ",1", "-1", "1-", "4-2", "1024", "99999", "a", "1 ", "1,,2", "1-2-3"})
        EXPECT_EQ(parse_cpus(text), std::nullopt) << text;
}

}  // namespace
}  // namespace finwait::config
