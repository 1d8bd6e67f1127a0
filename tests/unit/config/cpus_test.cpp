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

TEST(Cpus, WhatIsNoListIsRefused) {
    for (const char* text : {",", "1,", ",1", "-1", "1-", "4-2", "1024", "99999", "a", "1 ", "1,,2", "1-2-3"})
        EXPECT_EQ(parse_cpus(text), std::nullopt) << text;
}

}  // namespace
}  // namespace finwait::config
