#include "policy/network.hpp"

#include <gtest/gtest.h>

namespace finwait::policy {
namespace {

bool holds(std::string_view network, std::string_view address) {
    const auto parsed = Network::parse(network);
    EXPECT_TRUE(parsed) << network;
    return parsed && parsed->contains(*tcp::Address::parse(address));
}

TEST(Network, HoldsTheAddressesThatShareItsPrefix) {
    EXPECT_TRUE(holds("10.0.0.0/8", "10.255.255.255"));
    EXPECT_FALSE(holds("10.0.0.0/8", "11.0.0.0"));
    EXPECT_TRUE(holds("192.0.2.128/25", "192.0.2.200"));
    EXPECT_FALSE(holds("192.0.2.128/25", "192.0.2.127"));
    EXPECT_TRUE(holds("2001:db8::/33", "2001:db8:7fff::1"));
    EXPECT_FALSE(holds("2001:db8::/33", "2001:db8:8000::1"));
}

TEST(Network, WithoutAPrefixIsOneAddress) {
    EXPECT_TRUE(holds("192.0.2.1", "192.0.2.1"));
    EXPECT_FALSE(holds("192.0.2.1", "192.0.2.0"));
    EXPECT_TRUE(holds("192.0.2.1/32", "192.0.2.1"));
    EXPECT_TRUE(holds("2001:db8::1", "2001:db8::1"));
    EXPECT_FALSE(holds("2001:db8::1/128", "2001:db8::"));
}

TEST(Network, IgnoresHostBits) {
    EXPECT_TRUE(holds("10.1.2.3/8", "10.200.0.1"));
    EXPECT_TRUE(holds("2001:db8::ffff/32", "2001:db8:1::"));
}

TEST(Network, WithPrefixZeroHoldsItsWholeFamilyAndNothingElse) {
    EXPECT_TRUE(holds("0.0.0.0/0", "255.1.2.3"));
    EXPECT_FALSE(holds("0.0.0.0/0", "2001:db8::1"));
    EXPECT_TRUE(holds("::/0", "2001:db8::1"));
    EXPECT_FALSE(holds("::/0", "10.0.0.1"));
}

TEST(Network, MappedIpv6IsIpv4) {
    EXPECT_TRUE(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
}

TEST(Network, RefusesEverythingElse) {
    for (const auto* text :
         {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/8x", "::/129",
          "::ffff:10.0.0.0/8", "::ffff:10.0.0.0/95", "10.0.0/8", "10.0.0.0/256", "example.org"}) {
        EXPECT_FALSE(Network::parse(text)) << text;
    }
}

}  // namespace
}  // namespace finwait::policy
