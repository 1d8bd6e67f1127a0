#include "netfilter/rules.hpp"

#include <gtest/gtest.h>

namespace finwait::netfilter {
namespace {

TEST(Render, IptablesSelectiveMarksQueuesAndReleases) {
    EXPECT_EQ(render_iptables({.first_queue = 4, .queues = 2, .mark_mask = 0x40000000}), R"(*mangle
:FINWAITD - [0:0]
-A FORWARD -p tcp -j FINWAITD
-4 -A FORWARD -p icmp --icmp-type destination-unreachable -j FINWAITD
-6 -A FORWARD -p ipv6-icmp --icmpv6-type destination-unreachable -j FINWAITD
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN,RST NONE -j CONNMARK --set-xmark 0x40000000/0x40000000
-A FINWAITD -p tcp -m connmark --mark 0x40000000/0x40000000 -j NFQUEUE --queue-balance 4:5 --queue-bypass
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN,RST NONE -m conntrack --ctstate UNTRACKED -j NFQUEUE --queue-balance 4:5 --queue-bypass
-4 -A FINWAITD -p icmp -m connmark --mark 0x40000000/0x40000000 -j NFQUEUE --queue-balance 4:5 --queue-bypass
-6 -A FINWAITD -p ipv6-icmp -m connmark --mark 0x40000000/0x40000000 -j NFQUEUE --queue-balance 4:5 --queue-bypass
COMMIT
*filter
:FINWAITD - [0:0]
-I FORWARD 1 -p tcp -j FINWAITD
-A FINWAITD -m mark --mark 0x40000000/0x40000000 -j CONNMARK --set-xmark 0x0/0x40000000
-A FINWAITD -m mark --mark 0x40000000/0x40000000 -j MARK --set-xmark 0x0/0x40000000
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN,RST NONE -j CONNMARK --set-xmark 0x40000000/0x40000000
COMMIT
*raw
:FINWAITD - [0:0]
-I OUTPUT 1 -p tcp -m owner --gid-owner 1718185591 -j FINWAITD
-A FINWAITD -j MARK --set-xmark 0x40000000/0x40000000
-A FINWAITD -j CT --notrack
COMMIT
)");
}

TEST(Render, IptablesAllQueuesEverySegmentAndErrorAndMarksNothing) {
    EXPECT_EQ(render_iptables({.packets = config::Packets::all}), R"(*mangle
:FINWAITD - [0:0]
-A FORWARD -p tcp -j FINWAITD
-4 -A FORWARD -p icmp --icmp-type destination-unreachable -j FINWAITD
-6 -A FORWARD -p ipv6-icmp --icmpv6-type destination-unreachable -j FINWAITD
-A FINWAITD -j NFQUEUE --queue-num 0 --queue-bypass
COMMIT
*raw
:FINWAITD - [0:0]
-I OUTPUT 1 -p tcp -m owner --gid-owner 1718185591 -j FINWAITD
-A FINWAITD -j MARK --set-xmark 0x40000000/0x40000000
-A FINWAITD -j CT --notrack
COMMIT
)");
}

TEST(Render, NftablesSelectiveMarksQueuesAndReleases) {
    EXPECT_EQ(render_nftables({.first_queue = 0, .queues = 2, .mark_mask = 0x300}), R"(add table inet finwaitd
delete table inet finwaitd
table inet finwaitd {
    chain intercept {
        type filter hook forward priority mangle; policy accept;
        tcp flags & (fin | syn | rst) != 0 ct mark set ct mark | 0x300
        meta l4proto tcp ct mark & 0x300 == 0x300 queue flags bypass to 0-1
        ct state untracked tcp flags & (fin | syn | rst) != 0 queue flags bypass to 0-1
        icmp type destination-unreachable ct mark & 0x300 == 0x300 queue flags bypass to 0-1
        icmpv6 type destination-unreachable ct mark & 0x300 == 0x300 queue flags bypass to 0-1
    }
    chain release {
        type filter hook forward priority mangle + 1; policy accept;
        meta l4proto tcp meta mark & 0x300 == 0x300 ct mark set ct mark & 0xfffffcff meta mark set meta mark & 0xfffffcff
        tcp flags & (fin | syn | rst) != 0 ct mark set ct mark | 0x300
    }
    chain own {
        type filter hook output priority raw; policy accept;
        meta l4proto tcp meta skgid 1718185591 meta mark set meta mark | 0x300 notrack
    }
}
)");
}

TEST(Render, NftablesAllQueuesEverySegmentAndMarksNothing) {
    EXPECT_EQ(render_nftables({.packets = config::Packets::all, .first_queue = 7}), R"(add table inet finwaitd
delete table inet finwaitd
table inet finwaitd {
    chain intercept {
        type filter hook forward priority mangle; policy accept;
        meta l4proto tcp queue flags bypass to 7
        icmp type destination-unreachable queue flags bypass to 7
        icmpv6 type destination-unreachable queue flags bypass to 7
    }
    chain own {
        type filter hook output priority raw; policy accept;
        meta l4proto tcp meta skgid 1718185591 meta mark set meta mark | 0x40000000 notrack
    }
}
)");
}

TEST(Render, WithoutNotrackOurOwnSegmentsAreTrackedLikeAnyOther) {
    const RulePlan plan{.untracked = false};
    EXPECT_EQ(render_iptables_untracked(plan), "");
    EXPECT_EQ(render_iptables(plan), render_iptables_intercept(plan));
    EXPECT_EQ(render_nftables(plan).find("notrack"), std::string::npos);
    EXPECT_EQ(render_nftables(plan).find('@'), std::string::npos);
}

}  // namespace
}  // namespace finwait::netfilter
