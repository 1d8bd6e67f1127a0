#include "policy/filter.hpp"
#include "policy/timeouts.hpp"

#include <gtest/gtest.h>

namespace finwait::policy {
namespace {

using namespace std::chrono_literals;

TEST(Duration, IsNumbersWithUnits) {
    EXPECT_EQ(parse_duration("90s"), 90s);
    EXPECT_EQ(parse_duration("5m"), 5min);
    EXPECT_EQ(parse_duration("2h4m"), 2h + 4min);
    EXPECT_EQ(parse_duration("1d"), 24h);
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("1d2h3m4s5ms"), 26h + 3min + 4s + 5ms);
    EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(Duration, OffIsNever) {
    EXPECT_EQ(parse_duration("off"), kOff);
}

TEST(Duration, TakesEachUnitOnceAndTheLongerFirst) {
    EXPECT_FALSE(parse_duration("1m1m"));
    EXPECT_FALSE(parse_duration("4m2h"));
    EXPECT_FALSE(parse_duration("5ms1s"));
}

TEST(Duration, RefusesEverythingElse) {
    for (const auto* text : {"", " ", "5", "m", "5 m", "5minutes", "-5m", "+5m", "1.5h", "5M", " 5m", "5m ",
                             "off ", "OFF", "5m30", "off5m", "1w", "5us"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
}

TEST(Duration, RefusesWhatOverflows) {
    EXPECT_TRUE(parse_duration("106751d"));
    EXPECT_FALSE(parse_duration("106752d"));
    EXPECT_FALSE(parse_duration("106751d23h47m17s"));
    EXPECT_FALSE(parse_duration("9223372036854775807ms"));
    EXPECT_FALSE(parse_duration("99999999999999999999s"));
}

TEST(Duration, IsWrittenFromTheLongestUnitDown) {
    EXPECT_EQ(duration_text(90s), "1m30s");
    EXPECT_EQ(duration_text(120h), "5d");
    EXPECT_EQ(duration_text(2h + 4min), "2h4m");
    EXPECT_EQ(duration_text(250ms), "250ms");
    EXPECT_EQ(duration_text(0s), "0s");
    EXPECT_EQ(duration_text(kOff), "off");
}

TEST(Duration, IsWrittenWithoutWhatIsBelowAMillisecond) {
    EXPECT_EQ(duration_text(1s + 999us), "1s");
    EXPECT_EQ(duration_text(999us), "0s");
    EXPECT_EQ(duration_text(-1s), "0s");
}

TEST(Duration, ReadsBackWhatItWrites) {
    for (const Duration d : {Duration(0s), Duration(1ms), Duration(59s), Duration(49h + 1ms), kOff}) {
        EXPECT_EQ(parse_duration(duration_text(d)), d);
    }
}

}  // namespace
}  // namespace finwait::policy
