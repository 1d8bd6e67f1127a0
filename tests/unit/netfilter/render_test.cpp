#include "netfilter/rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finwait::netfilter {
namespace {

using ::testing::HasSubstr;

TEST(Render, IptablesSelectiveMarksQueuesAndReleases) {
    EXPECT_EQ(render_iptables({.first_queue = 4, .queues = 2, .mark_mask = 0x40000000}), R"(*mangle
:FINWAITD - [0:0]
-A FORWARD -p tcp -j FINWAITD
-4 -A FORWARD -p icmp --icmp-type destination-unreachable -j FINWAITD
-6 -A FORWARD -p ipv6-icmp --icmpv6-type destination-unreachable -j FINWAITD
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN,RST NONE -j CONNMARK --set-xmark 0x40000000/0x40000000
-A FINWAITD -p tcp -m connmark --mark 0x40000000/0x40000000 -j NFQUEUE --queue-balance 4:5 --queue-bypass
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN,RST NONE -m conntrack --ctstate UNTRACKED -j NFQUEUE --queue-balance 4:5 --queue-bypass
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN NONE -m conntrack --ctstate INVALID -m limit --limit 1000/sec --limit-burst 1000 -j NFQUEUE --queue-balance 4:5 --queue-bypass
-A FINWAITD -p tcp --tcp-flags FIN,SYN,RST NONE -m conntrack --ctstate INVALID,NEW -m limit --limit 1000/sec --limit-burst 1000 -j NFQUEUE --queue-balance 4:5 --queue-bypass
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
    chain intercept_forward {
        type filter hook forward priority mangle; policy accept;
        tcp flags & (fin | syn | rst) != 0 ct mark set ct mark | 0x300
        meta l4proto tcp ct mark & 0x300 == 0x300 queue flags bypass to 0-1
        ct state untracked tcp flags & (fin | syn | rst) != 0 queue flags bypass to 0-1
        ct state invalid tcp flags & (fin | syn) != 0 limit rate 1000/second burst 1000 packets queue flags bypass to 0-1
        ct state { invalid, new } tcp flags & (fin | syn | rst) == 0 limit rate 1000/second burst 1000 packets queue flags bypass to 0-1
        icmp type destination-unreachable ct mark & 0x300 == 0x300 queue flags bypass to 0-1
        icmpv6 type destination-unreachable ct mark & 0x300 == 0x300 queue flags bypass to 0-1
    }
    chain release_forward {
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
    chain intercept_forward {
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

TEST(Render, IptablesTakesOwnSocketsAfterDestinationsAreTranslatedAndLeavesLoopbackOut) {
    EXPECT_EQ(render_iptables({.mark_mask = 0x100, .untracked = false, .scope = config::Scope::local}),
              R"(*mangle
:FINWAITD - [0:0]
-A INPUT ! -i lo -p tcp -j FINWAITD
-4 -A INPUT ! -i lo -p icmp --icmp-type destination-unreachable -j FINWAITD
-6 -A INPUT ! -i lo -p ipv6-icmp --icmpv6-type destination-unreachable -j FINWAITD
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN,RST NONE -j CONNMARK --set-xmark 0x100/0x100
-A FINWAITD -p tcp -m connmark --mark 0x100/0x100 -j NFQUEUE --queue-num 0 --queue-bypass
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN,RST NONE -m conntrack --ctstate UNTRACKED -j NFQUEUE --queue-num 0 --queue-bypass
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN NONE -m conntrack --ctstate INVALID -m limit --limit 1000/sec --limit-burst 1000 -j NFQUEUE --queue-num 0 --queue-bypass
-A FINWAITD -p tcp --tcp-flags FIN,SYN,RST NONE -m conntrack --ctstate INVALID,NEW -m limit --limit 1000/sec --limit-burst 1000 -j NFQUEUE --queue-num 0 --queue-bypass
-4 -A FINWAITD -p icmp -m connmark --mark 0x100/0x100 -j NFQUEUE --queue-num 0 --queue-bypass
-6 -A FINWAITD -p ipv6-icmp -m connmark --mark 0x100/0x100 -j NFQUEUE --queue-num 0 --queue-bypass
:FINWAITD-OUT - [0:0]
-A POSTROUTING -p tcp -m addrtype --src-type LOCAL -j FINWAITD-OUT
-A FINWAITD-OUT -m mark --mark 0x100/0x100 -j CONNMARK --set-xmark 0x0/0x100
-A FINWAITD-OUT -m mark --mark 0x100/0x100 -j MARK --set-xmark 0x0/0x100
-A FINWAITD-OUT -p tcp ! --tcp-flags FIN,SYN,RST NONE -j CONNMARK --set-xmark 0x100/0x100
COMMIT
*filter
:FINWAITD - [0:0]
-I INPUT 1 ! -i lo -p tcp -j FINWAITD
-A FINWAITD -m mark --mark 0x100/0x100 -j CONNMARK --set-xmark 0x0/0x100
-A FINWAITD -m mark --mark 0x100/0x100 -j MARK --set-xmark 0x0/0x100
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN,RST NONE -j CONNMARK --set-xmark 0x100/0x100
COMMIT
*security
:FINWAITD - [0:0]
:FINWAITD-OUT - [0:0]
-A OUTPUT -p tcp -m mark --mark 0x100/0x100 -j FINWAITD-OUT
-A FINWAITD-OUT -j MARK --set-xmark 0x0/0x100
-A FINWAITD-OUT -j ACCEPT
-A OUTPUT ! -o lo -p tcp -j FINWAITD
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN,RST NONE -j CONNMARK --set-xmark 0x100/0x100
-A FINWAITD -p tcp -m connmark --mark 0x100/0x100 -j NFQUEUE --queue-num 0 --queue-bypass
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN,RST NONE -m conntrack --ctstate UNTRACKED -j NFQUEUE --queue-num 0 --queue-bypass
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN NONE -m conntrack --ctstate INVALID -m limit --limit 1000/sec --limit-burst 1000 -j NFQUEUE --queue-num 0 --queue-bypass
COMMIT
*raw
:FINWAITD - [0:0]
-I OUTPUT 1 -p tcp -m owner --gid-owner 1718185591 -j FINWAITD
-A FINWAITD -j MARK --set-xmark 0x100/0x100
COMMIT
)");
}

TEST(Render, NftablesTakesOwnSocketsAfterDestinationsAreTranslatedAndLeavesLoopbackOut) {
    EXPECT_EQ(
        render_nftables({.packets = config::Packets::all, .mark_mask = 0x100, .scope = config::Scope::local}),
        R"(add table inet finwaitd
delete table inet finwaitd
table inet finwaitd {
    chain intercept_input {
        type filter hook input priority mangle; policy accept;
        iif lo return
        meta l4proto tcp queue flags bypass to 0
        icmp type destination-unreachable queue flags bypass to 0
        icmpv6 type destination-unreachable queue flags bypass to 0
    }
    chain intercept_output {
        type filter hook output priority security; policy accept;
        oif lo return
        meta mark & 0x100 == 0x100 meta mark set meta mark & 0xfffffeff return
        meta l4proto tcp queue flags bypass to 0
    }
    chain own {
        type filter hook output priority raw; policy accept;
        meta l4proto tcp meta skgid 1718185591 meta mark set meta mark | 0x100 notrack
    }
}
)");
}

/// Lines of the rules that say `part`.
std::size_t lines_with(const std::string& rules, std::string_view part) {
    std::size_t n = 0;
    for (auto at = rules.find(part); at != std::string::npos; at = rules.find(part, at + 1))
        ++n;
    return n;
}

TEST(Render, WhatConntrackCannotPlaceIsQueuedUpToARateAndAnRstIsNot) {
    for (const std::string& rules : {render_iptables({}), render_nftables({})}) {
        EXPECT_EQ(lines_with(rules, "limit 1000/sec") + lines_with(rules, "limit rate 1000/second"), 2U);
        EXPECT_EQ(lines_with(rules, "FIN,SYN NONE -m conntrack --ctstate INVALID -m limit") +
                      lines_with(rules, "ct state invalid tcp flags & (fin | syn) != 0 limit"),
                  1U);
    }
    for (const std::string& rules : {render_iptables({.packets = config::Packets::all}),
                                     render_nftables({.packets = config::Packets::all})})
        EXPECT_EQ(lines_with(rules, "limit"), 0U);
}

TEST(Render, ProbesOfOursThatConntrackGetsToKnowAreNotQueuedWhereTheyLeave) {
    const std::string iptables = render_iptables({.scope = config::Scope::local});
    EXPECT_EQ(lines_with(iptables.substr(iptables.find("*security")), "--ctstate INVALID,NEW"), 0U);
    EXPECT_EQ(lines_with(iptables, "--ctstate INVALID,NEW"), 1U);
    const std::string nftables = render_nftables({.scope = config::Scope::local});
    EXPECT_EQ(lines_with(nftables.substr(nftables.find("intercept_output")), "invalid, new"), 0U);
    EXPECT_EQ(lines_with(nftables, "invalid, new"), 1U);
}

TEST(Render, BothIsForwardAndLocalTogether) {
    const RulePlan both{.scope = config::Scope::both};
    const std::string iptables = render_iptables(both);
    EXPECT_EQ(lines_with(iptables, "-A FORWARD -p tcp -j FINWAITD\n"), 1U);
    EXPECT_EQ(lines_with(iptables, "-I FORWARD 1 -p tcp -j FINWAITD\n"), 1U);
    EXPECT_EQ(lines_with(iptables, "-A INPUT ! -i lo -p tcp -j FINWAITD\n"), 1U);
    EXPECT_EQ(lines_with(iptables, ":FINWAITD - "), 4U);
    const std::string nftables = render_nftables(both);
    for (const char* chain : {"intercept_forward", "release_forward", "intercept_input", "release_input",
                              "intercept_output", "release_output"})
        EXPECT_EQ(lines_with(nftables, std::string("chain ") + chain + " {"), 1U) << chain;
}

TEST(Render, LoopbackWhereItIsAskedForIsTakenWhereItLeaves) {
    for (const std::string& rules : {render_iptables({.scope = config::Scope::local, .loopback = true}),
                                     render_nftables({.scope = config::Scope::local, .loopback = true})}) {
        EXPECT_EQ(lines_with(rules, "-o lo"), 0U);
        EXPECT_EQ(lines_with(rules, "oif lo"), 0U);
        EXPECT_GT(lines_with(rules, "-i lo") + lines_with(rules, "iif lo"), 0U);
    }
}

TEST(Render, NftablesSpreadsByPortsWhereThatIsWanted) {
    EXPECT_THAT(render_nftables({.first_queue = 8, .queues = 4, .spread = config::Spread::ports}),
                HasSubstr("== 0x40000000 queue flags bypass to symhash mod 4 offset 8\n"));
    EXPECT_THAT(render_nftables({.first_queue = 8, .queues = 1, .spread = config::Spread::ports}),
                HasSubstr("queue flags bypass to 8\n"));
}

TEST(Render, WithoutNotrackOurOwnSegmentsAreTrackedLikeAnyOther) {
    const RulePlan plan{.untracked = false};
    EXPECT_EQ(render_iptables_own(plan), "");
    EXPECT_EQ(render_iptables(plan), render_iptables_intercept(plan));
    EXPECT_EQ(render_nftables(plan).find("notrack"), std::string::npos);
    EXPECT_EQ(render_nftables(plan).find('@'), std::string::npos);
}

}  // namespace
}  // namespace finwait::netfilter
