// Two chains at the forward hook. The first hands over to us what must be seen: every segment of a flow whose
// connmark says that a SYN, FIN or RST has passed, and those of connections that conntrack was told not to
// track. What conntrack calls invalid is left alone: on the fast path only conntrack knows the windows, and
// it is the judge of forged numbers. The second chain comes after the verdict and
// undoes the connmark of a flow whose packet we gave our mark; a control segment sets it again, so that the
// order of the verdicts decides. It needs a hook of its own: an accepted packet goes on at the next hook
// function, not at the next rule (nf_reinject, net/netfilter/nfnetlink_queue.c). For the same reason the jump
// to FINWAITD stands last in iptables' mangle FORWARD: a rule behind it, such as TCPMSS, would miss every
// packet that was queued.
//
// ICMP errors are queued too, because they may answer a probe. conntrack lends an error the mark of the
// connection that it quotes (nf_conntrack_inet_error, net/netfilter/nf_conntrack_proto_icmp.c). They get no
// mark of ours, so the second chain has nothing to do with them.
//
// What we send ourselves passes conntrack by. It is written as its receiver expects it, and NAT must not
// write it again; conntrack would find it invalid, or take it for a new connection whose tuple is taken, and
// choose another port for it. Then the receiver answers RST to a connection that lives. It is known by its
// socket's group, for its mark is its flow's, by which a route has been chosen; later rules know it by ours,
// which this hook sets too late to change the route.
#include "netfilter/rules.hpp"

#include <array>
#include <cstdio>

namespace finwait::netfilter {
namespace {

// @mark@: our bits; @rest@: all others; @queues@: the queues as the tool spells them; @own@: kNftablesOwn.
constexpr std::string_view kNftablesSelective = R"(add table inet finwaitd
delete table inet finwaitd
table inet finwaitd {
    chain intercept {
        type filter hook forward priority mangle; policy accept;
        tcp flags & (fin | syn | rst) != 0 ct mark set ct mark | @mark@
        meta l4proto tcp ct mark & @mark@ == @mark@ queue flags bypass to @queues@
        ct state untracked tcp flags & (fin | syn | rst) != 0 queue flags bypass to @queues@
        icmp type destination-unreachable ct mark & @mark@ == @mark@ queue flags bypass to @queues@
        icmpv6 type destination-unreachable ct mark & @mark@ == @mark@ queue flags bypass to @queues@
    }
    chain release {
        type filter hook forward priority mangle + 1; policy accept;
        meta l4proto tcp meta mark & @mark@ == @mark@ ct mark set ct mark & @rest@ meta mark set meta mark & @rest@
        tcp flags & (fin | syn | rst) != 0 ct mark set ct mark | @mark@
    }
@own@}
)";

constexpr std::string_view kNftablesAll = R"(add table inet finwaitd
delete table inet finwaitd
table inet finwaitd {
    chain intercept {
        type filter hook forward priority mangle; policy accept;
        meta l4proto tcp queue flags bypass to @queues@
        icmp type destination-unreachable queue flags bypass to @queues@
        icmpv6 type destination-unreachable queue flags bypass to @queues@
    }
@own@}
)";

constexpr std::string_view kNftablesOwn = R"(    chain own {
        type filter hook output priority raw; policy accept;
        meta l4proto tcp meta skgid @group@ meta mark set meta mark | @mark@ notrack
    }
)";

// -4 and -6: iptables-restore and ip6tables-restore each pass over the other's lines (iptables(8)).
constexpr std::string_view kIptablesSelective = R"(*mangle
:FINWAITD - [0:0]
-A FORWARD -p tcp -j FINWAITD
-4 -A FORWARD -p icmp --icmp-type destination-unreachable -j FINWAITD
-6 -A FORWARD -p ipv6-icmp --icmpv6-type destination-unreachable -j FINWAITD
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN,RST NONE -j CONNMARK --set-xmark @mark@/@mark@
-A FINWAITD -p tcp -m connmark --mark @mark@/@mark@ -j NFQUEUE @queues@ --queue-bypass
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN,RST NONE -m conntrack --ctstate UNTRACKED -j NFQUEUE @queues@ --queue-bypass
-4 -A FINWAITD -p icmp -m connmark --mark @mark@/@mark@ -j NFQUEUE @queues@ --queue-bypass
-6 -A FINWAITD -p ipv6-icmp -m connmark --mark @mark@/@mark@ -j NFQUEUE @queues@ --queue-bypass
COMMIT
*filter
:FINWAITD - [0:0]
-I FORWARD 1 -p tcp -j FINWAITD
-A FINWAITD -m mark --mark @mark@/@mark@ -j CONNMARK --set-xmark 0x0/@mark@
-A FINWAITD -m mark --mark @mark@/@mark@ -j MARK --set-xmark 0x0/@mark@
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN,RST NONE -j CONNMARK --set-xmark @mark@/@mark@
COMMIT
)";

constexpr std::string_view kIptablesAll = R"(*mangle
:FINWAITD - [0:0]
-A FORWARD -p tcp -j FINWAITD
-4 -A FORWARD -p icmp --icmp-type destination-unreachable -j FINWAITD
-6 -A FORWARD -p ipv6-icmp --icmpv6-type destination-unreachable -j FINWAITD
-A FINWAITD -j NFQUEUE @queues@ --queue-bypass
COMMIT
)";

// First in OUTPUT: a rule that accepts everything earlier would keep ours from being asked.
constexpr std::string_view kIptablesOwn = R"(*raw
:FINWAITD - [0:0]
-I OUTPUT 1 -p tcp -m owner --gid-owner @group@ -j FINWAITD
-A FINWAITD -j MARK --set-xmark @mark@/@mark@
-A FINWAITD -j CT --notrack
COMMIT
)";

std::string hex(std::uint32_t value) {
    std::array<char, 16> text{};
    const int n = std::snprintf(text.data(), text.size(), "0x%x", value);
    return {text.data(), static_cast<std::size_t>(n)};
}

void replace(std::string& text, std::string_view word, std::string_view by) {
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size())) {
        text.replace(at, word.size(), by);
    }
}

/// "0", or "0-3" with the separator that the tool wants.
std::string range(const RulePlan& plan, char separator) {
    std::string text = std::to_string(plan.first_queue);
    if (plan.queues > 1) text += separator + std::to_string(plan.first_queue + plan.queues - 1);
    return text;
}

std::string fill(std::string_view rules, const RulePlan& plan, const std::string& queues) {
    std::string text(rules);
    replace(text, "@own@", plan.untracked ? kNftablesOwn : std::string_view());
    replace(text, "@mark@", hex(plan.mark_mask));
    replace(text, "@group@", std::to_string(kSenderGroup));
    replace(text, "@rest@", hex(~plan.mark_mask));
    replace(text, "@queues@", queues);
    return text;
}

}  // namespace

std::string render_nftables(const RulePlan& plan) {
    const bool all = plan.packets == config::Packets::all;
    return fill(all ? kNftablesAll : kNftablesSelective, plan, range(plan, '-'));
}

std::string render_iptables_intercept(const RulePlan& plan) {
    const bool all = plan.packets == config::Packets::all;
    const std::string option = plan.queues > 1 ? "--queue-balance " : "--queue-num ";
    return fill(all ? kIptablesAll : kIptablesSelective, plan, option + range(plan, ':'));
}

std::string render_iptables_untracked(const RulePlan& plan) {
    return plan.untracked ? fill(kIptablesOwn, plan, {}) : std::string();
}

std::string render_iptables(const RulePlan& plan) {
    return render_iptables_intercept(plan) + render_iptables_untracked(plan);
}

}  // namespace finwait::netfilter
