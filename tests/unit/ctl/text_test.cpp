#include "ctl/text.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

TEST(Text, ADurationHasTwoUnitsAtMost) {
    const std::vector<std::pair<double, const char*>> cases = {
        {-3, "0s"},     {0, "0s"},     {0.04, "0.0s"},   {0.4, "0.4s"},   {9.94, "9.9s"},    {9.96, "10s"},
        {33, "33s"},    {59.4, "59s"}, {59.6, "1m"},     {71.2, "1m11s"}, {300, "5m"},       {3599.7, "1h"},
        {7440, "2h4m"}, {86399, "1d"}, {442800, "5d3h"}, {86400, "1d"},   {31536000, "365d"}};
    for (const auto& [seconds, text] : cases)
        EXPECT_EQ(human_duration(seconds), text) << seconds;
}

TEST(Text, AValueIsNeverEmpty) {
    const nlohmann::json object{{"null", nullptr}, {"empty", ""}, {"zero", 0}, {"no", false}, {"word", "x"}};
    EXPECT_EQ(text_at(object, "missing"), "-");
    EXPECT_EQ(text_at(object, "null"), "-");
    EXPECT_EQ(text_at(object, "empty"), "-");
    EXPECT_EQ(text_at(object, "zero"), "0");
    EXPECT_EQ(text_at(object, "no"), "no");
    EXPECT_EQ(text_at(object, "word"), "x");
    EXPECT_EQ(text_at(nlohmann::json(7), "word"), "-");
    EXPECT_EQ(duration_at(object, "null"), "-");
}

TEST(Text, AnIpv6AddressIsBracketedBeforeItsPort) {
    EXPECT_EQ(endpoint_text({{"addr", "192.0.2.1"}, {"port", 80}}), "192.0.2.1:80");
    EXPECT_EQ(endpoint_text({{"addr", "2001:db8::1"}, {"port", 80}}), "[2001:db8::1]:80");
}

TEST(Text, ShorteningKeepsBothEnds) {
    EXPECT_EQ(shortened("[2001:db8:1:2:3:4:5:6]:65535", 15), "[2001:d…]:65535");
    EXPECT_EQ(display_width(shortened("[2001:db8:1:2:3:4:5:6]:65535", 15)), 15U);
    EXPECT_EQ(shortened("short", 5), "short");
    EXPECT_EQ(shortened("ääääää", 4), "ä…ää");
}

}  // namespace
}  // namespace finwait::ctl
