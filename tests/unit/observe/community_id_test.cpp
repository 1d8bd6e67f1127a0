// The vectors that the specification publishes for TCP (baseline/baseline_deflt.json).
#include "observe/community_id.hpp"

#include <gtest/gtest.h>

namespace finwait::observe {
namespace {

tcp::Endpoint endpoint(std::string_view address, std::uint16_t port) {
    return {tcp::Address::parse(address).value(), port};
}

TEST(CommunityId, IsWhatTheSpecificationPublishesForIPv4) {
    const auto client = endpoint("128.232.110.120", 34855);
    const auto server = endpoint("66.35.250.204", 80);
    EXPECT_EQ(community_id(client, server), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
}

TEST(CommunityId, IsWhatTheSpecificationPublishesForIPv6) {
    const auto client = endpoint("2001:470:e5bf:dead:4957:2174:e82c:4887", 63943);
    const auto server = endpoint("2607:f8b0:400c:c03::1a", 25);
    EXPECT_EQ(community_id(client, server), "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=");
}

TEST(CommunityId, IsTheSameForBothDirectionsAlsoBetweenTwoPortsOfOneAddress) {
    for (const char* address : {"10.0.0.1", "2001:db8::1"}) {
        const auto one = endpoint(address, 1024);
        const auto other = endpoint(address, 80);
        EXPECT_EQ(community_id(one, other), community_id(other, one));
        EXPECT_NE(community_id(one, other), community_id(one, endpoint(address, 81)));
    }
}

}  // namespace
}  // namespace finwait::observe
