#include "tcp/address.hpp"

#include <array>

#include <gtest/gtest.h>

namespace finwait::tcp {
namespace {

std::string round_trip(std::string_view text) {
    const auto address = Address::parse(text);
    return address ? address->text() : "not an address";
}

TEST(Address, WritesIpv4AsDottedQuad) {
    EXPECT_EQ(Address::v4(std::array<std::uint8_t, 4>{192, 0, 2, 1}).text(), "192.0.2.1");
    EXPECT_EQ(round_trip("0.0.0.0"), "0.0.0.0");
    EXPECT_EQ(round_trip("255.255.255.255"), "255.255.255.255");
}

TEST(Address, KeepsIpv4InItsMappedForm) {
    const auto address = Address::parse("192.0.2.1");
    ASSERT_TRUE(address);
    EXPECT_TRUE(address->is_v4());
    EXPECT_EQ(address->bytes(),
              (std::array<std::uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}));
    EXPECT_EQ(address, Address::parse("::ffff:192.0.2.1"));
    EXPECT_EQ(address, Address::parse("::ffff:c000:201"));
}

TEST(Address, WritesIpv6AsRfc5952Recommends) {
    EXPECT_EQ(round_trip("2001:0db8:0:0:0:0:0:0001"), "2001:db8::1");
    EXPECT_EQ(round_trip("2001:DB8::ABCD"), "2001:db8::abcd");
    EXPECT_EQ(round_trip("::"), "::");
    EXPECT_EQ(round_trip("::1"), "::1");
    EXPECT_EQ(round_trip("1::"), "1::");
}

TEST(Address, DoesNotShortenASingleZeroGroup) {
    EXPECT_EQ(round_trip("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
    EXPECT_EQ(round_trip("2001:db8::1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
}

TEST(Address, ShortensTheLongestRunAndOfEqualOnesTheFirst) {
    EXPECT_EQ(round_trip("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");
    EXPECT_EQ(round_trip("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
}

TEST(Address, ReadsAnEmbeddedDottedQuadAtTheEndOnly) {
    EXPECT_EQ(round_trip("64:ff9b::192.0.2.33"), "64:ff9b::c000:221");
    EXPECT_EQ(round_trip("1:2:3:4:5:6:1.2.3.4"), "1:2:3:4:5:6:102:304");
    EXPECT_FALSE(Address::parse("1.2.3.4::"));
    EXPECT_FALSE(Address::parse("1:2:3:4:5:6:7:1.2.3.4"));
    EXPECT_FALSE(Address::parse("::1.2.3.4:5"));
}

TEST(Address, RefusesWhatIsNotExactlyAnIpv4Address) {
    for (const auto* text :
         {"", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "256.0.0.1", "1.2.3.4 ",
          " 1.2.3.4", "01.2.3.4", "1.2.3.04", "1.2.3.-4", "+1.2.3.4", "1.2.3.4/8", "0x1.2.3.4"}) {
        EXPECT_FALSE(Address::parse(text)) << text;
    }
}

TEST(Address, RefusesWhatIsNotExactlyAnIpv6Address) {
    for (const auto* text : {":", ":::", "1:::2", "1::2::3", ":1", "1:", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
                             "1:2:3:4:5:6:7::8:9", "1:2:3:4::5:6:7:8", "12345::", "g::", "::1%eth0", "[::1]",
                             "::-1", "::0x1", ":: 1", "1:2:3:4:5:6:7:8:"}) {
        EXPECT_FALSE(Address::parse(text)) << text;
    }
}

TEST(Address, LetsTheGapStandForOneGroup) {
    EXPECT_EQ(round_trip("1:2:3:4:5:6:7::"), "1:2:3:4:5:6:7:0");
}

TEST(Endpoint, PutsOnlyIpv6InBrackets) {
    EXPECT_EQ((Endpoint{*Address::parse("192.0.2.1"), 80}.text()), "192.0.2.1:80");
    EXPECT_EQ((Endpoint{*Address::parse("2001:db8::1"), 65535}.text()), "[2001:db8::1]:65535");
}

}  // namespace
}  // namespace finwait::tcp
