// Two chains at each hook that is in scope. The first hands over to us what must be seen: every segment of a
// flow whose connmark says that a SYN, FIN or RST has passed, and those of connections that conntrack was
// told not to track. The second chain comes after the verdict and undoes the connmark of a flow whose packet
// we gave our mark; a control segment sets it again, so that the order of the verdicts decides. It needs a
// hook function of its own: an accepted packet goes on at the next one, not at the next rule (nf_reinject,
// net/netfilter/nfnetlink_queue.c). For the same reason the jump to FINWAITD stands last in iptables' chains:
// a rule behind it, such as TCPMSS, would miss every packet that was queued.
//
// A connection that conntrack does not know, or knows wrongly, has no mark. conntrack calls its FIN INVALID
// and begins no entry (tcp_new, net/netfilter/nf_conntrack_proto_tcp.c); the next segment without SYN, FIN
// and RST begins one, and is NEW. So are queued: FIN and SYN of state INVALID, and segments without control
// flags that are INVALID or NEW, up to a rate each; what is beyond passes. The rates bound what a flood
// costs. An RST of state INVALID is not queued: off the path anybody can forge one, and on the fast path the
// engine knows no numbers by which to refuse it. Nor is, in the output hook, what has no control flags: it
// may be a probe of ours, by which conntrack gets to know a connection.
//
// The places are those at which both directions of a flow show the same two addresses, each end's own. In the
// forward and the input hook that is anywhere before sources are translated; in the output hook it is after
// destinations are (priority -100, nf_ip_hook_priorities). iptables has filter and security there, and a rule
// that accepts everything is common in filter only. Its second chain is at the next hook, mangle POSTROUTING,
// which forwarded packets pass, too. What stays on this machine would be seen twice, and its translated
// source once: it is taken in the output hook alone.
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
#include "netfilter/rule_plan.hpp"

#include <array>
#include <cstdio>

namespace finwait::netfilter {
namespace {

// @mark@: our bits; @rest@: all others; @queues@: the queues as the tool spells them; @queue@: the rules that
// queue; @lo@: what leaves out loopback in the output hook.

constexpr std::string_view kNftablesQueueSelective =
    R"(        tcp flags & (fin | syn | rst) != 0 ct mark set ct mark | @mark@
        meta l4proto tcp ct mark & @mark@ == @mark@ queue flags bypass to @queues@
        ct state untracked tcp flags & (fin | syn | rst) != 0 queue flags bypass to @queues@
        ct state invalid tcp flags & (fin | syn) != 0 limit rate 1000/second burst 1000 packets queue flags bypass to @queues@
)";

constexpr std::string_view kNftablesMidwaySelective =
    R"(        ct state { invalid, new } tcp flags & (fin | syn | rst) == 0 limit rate 1000/second burst 1000 packets queue flags bypass to @queues@
)";

constexpr std::string_view kNftablesErrorsSelective =
    R"(        icmp type destination-unreachable ct mark & @mark@ == @mark@ queue flags bypass to @queues@
        icmpv6 type destination-unreachable ct mark & @mark@ == @mark@ queue flags bypass to @queues@
)";

constexpr std::string_view kNftablesQueueAll = "        meta l4proto tcp queue flags bypass to @queues@\n";

constexpr std::string_view kNftablesErrorsAll =
    R"(        icmp type destination-unreachable queue flags bypass to @queues@
        icmpv6 type destination-unreachable queue flags bypass to @queues@
)";

constexpr std::string_view kNftablesRelease =
    R"(        meta l4proto tcp meta mark & @mark@ == @mark@ ct mark set ct mark & @rest@ meta mark set meta mark & @rest@
        tcp flags & (fin | syn | rst) != 0 ct mark set ct mark | @mark@
)";

/// Segments come to a hook from other machines, or from this one. An error that answers us does
/// not leave, and a probe of ours does not arrive.
enum class Side : std::uint8_t { arriving, leaving };

/// A hook as nftables has it: what stands before the rules that queue, and that for the release.
struct NftablesHook {
    std::string_view name;
    std::string_view priority;
    std::string_view guard;
    std::string_view release_guard;
    Side side;
};

constexpr NftablesHook kNftablesForward{"forward", "mangle", "", "", Side::arriving};
constexpr NftablesHook kNftablesInput{"input", "mangle", "        iif lo return\n", "        iif lo return\n",
                                      Side::arriving};
/// What we send loses its mark here, so that it is not taken for a packet that releases its flow.
constexpr NftablesHook kNftablesOutput{
    "output", "security",
    "@lo@        meta mark & @mark@ == @mark@ meta mark set meta mark & @rest@ return\n", "@lo@",
    Side::leaving};
constexpr std::string_view kNftablesNoLoopback = "        oif lo return\n";

constexpr std::string_view kNftablesOwn = R"(    chain own {
        type filter hook output priority raw; policy accept;
        meta l4proto tcp meta skgid @group@ meta mark set meta mark | @mark@@notrack@
    }
)";

// -4 and -6: iptables-restore and ip6tables-restore each pass over the other's lines (iptables(8)).

constexpr std::string_view kIptablesForward = R"(-A FORWARD -p tcp -j FINWAITD
-4 -A FORWARD -p icmp --icmp-type destination-unreachable -j FINWAITD
-6 -A FORWARD -p ipv6-icmp --icmpv6-type destination-unreachable -j FINWAITD
)";

constexpr std::string_view kIptablesInput = R"(-A INPUT ! -i lo -p tcp -j FINWAITD
-4 -A INPUT ! -i lo -p icmp --icmp-type destination-unreachable -j FINWAITD
-6 -A INPUT ! -i lo -p ipv6-icmp --icmpv6-type destination-unreachable -j FINWAITD
)";

// What we send loses its mark here, so that it is not taken for a packet that releases its flow.
constexpr std::string_view kIptablesOutput = R"(:FINWAITD-OUT - [0:0]
-A OUTPUT -p tcp -m mark --mark @mark@/@mark@ -j FINWAITD-OUT
-A FINWAITD-OUT -j MARK --set-xmark 0x0/@mark@
-A FINWAITD-OUT -j ACCEPT
-A OUTPUT@lo@ -p tcp -j FINWAITD
)";
constexpr std::string_view kIptablesNoLoopback = " ! -o lo";

constexpr std::string_view kIptablesMark =
    "-A FINWAITD -p tcp ! --tcp-flags FIN,SYN,RST NONE -j CONNMARK --set-xmark @mark@/@mark@\n";

constexpr std::string_view kIptablesQueueTcp =
    R"(-A FINWAITD -p tcp -m connmark --mark @mark@/@mark@ -j NFQUEUE @queues@ --queue-bypass
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN,RST NONE -m conntrack --ctstate UNTRACKED -j NFQUEUE @queues@ --queue-bypass
-A FINWAITD -p tcp ! --tcp-flags FIN,SYN NONE -m conntrack --ctstate INVALID -m limit --limit 1000/sec --limit-burst 1000 -j NFQUEUE @queues@ --queue-bypass
)";

constexpr std::string_view kIptablesQueueMidway =
    R"(-A FINWAITD -p tcp --tcp-flags FIN,SYN,RST NONE -m conntrack --ctstate INVALID,NEW -m limit --limit 1000/sec --limit-burst 1000 -j NFQUEUE @queues@ --queue-bypass
)";

constexpr std::string_view kIptablesQueueErrors =
    R"(-4 -A FINWAITD -p icmp -m connmark --mark @mark@/@mark@ -j NFQUEUE @queues@ --queue-bypass
-6 -A FINWAITD -p ipv6-icmp -m connmark --mark @mark@/@mark@ -j NFQUEUE @queues@ --queue-bypass
)";

constexpr std::string_view kIptablesQueueAll = "-A FINWAITD -j NFQUEUE @queues@ --queue-bypass\n";

constexpr std::string_view kIptablesRelease =
    R"(-A FINWAITD -m mark --mark @mark@/@mark@ -j CONNMARK --set-xmark 0x0/@mark@
-A FINWAITD -m mark --mark @mark@/@mark@ -j MARK --set-xmark 0x0/@mark@
)";

// The source tells what has left this machine from what it has forwarded.
constexpr std::string_view kIptablesReleaseOutput =
    R"(:FINWAITD-OUT - [0:0]
-A POSTROUTING -p tcp -m addrtype --src-type LOCAL -j FINWAITD-OUT
-A FINWAITD-OUT -m mark --mark @mark@/@mark@ -j CONNMARK --set-xmark 0x0/@mark@
-A FINWAITD-OUT -m mark --mark @mark@/@mark@ -j MARK --set-xmark 0x0/@mark@
-A FINWAITD-OUT -p tcp ! --tcp-flags FIN,SYN,RST NONE -j CONNMARK --set-xmark @mark@/@mark@
)";

// First in OUTPUT: a rule that accepts everything earlier would keep ours from being asked.
constexpr std::string_view kIptablesOwn = R"(*raw
:FINWAITD - [0:0]
-I OUTPUT 1 -p tcp -m owner --gid-owner @group@ -j FINWAITD
-A FINWAITD -j MARK --set-xmark @mark@/@mark@
@notrack@COMMIT
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

std::string fill(std::string text, const RulePlan& plan, std::string_view no_loopback,
                 const std::string& queues) {
    replace(text, "@lo@", plan.loopback ? std::string_view() : no_loopback);
    replace(text, "@mark@", hex(plan.mark_mask));
    replace(text, "@group@", std::to_string(kSenderGroup));
    replace(text, "@rest@", hex(~plan.mark_mask));
    replace(text, "@queues@", queues);
    return text;
}

bool all_packets(const RulePlan& plan) {
    return plan.packets == config::Packets::all;
}

bool forwards(const RulePlan& plan) {
    return plan.scope != config::Scope::local;
}

bool own_sockets(const RulePlan& plan) {
    return plan.scope != config::Scope::forward;
}

/// In the output hook ours must not be queued.
bool knows_own_packets(const RulePlan& plan) {
    return plan.untracked || own_sockets(plan);
}

/// The kernel's own balance hashes addresses only; its symmetric flow hash has the ports, too.
std::string nftables_queues(const RulePlan& plan) {
    if (plan.spread == config::Spread::addresses || plan.queues == 1) return range(plan, '-');
    return "symhash mod " + std::to_string(plan.queues) + " offset " + std::to_string(plan.first_queue);
}

std::string nftables_chain(std::string_view kind, const NftablesHook& hook, std::string_view later,
                           std::string_view guard) {
    std::string text = "    chain ";
    text.append(kind).append("_").append(hook.name).append(" {\n        type filter hook ");
    text.append(hook.name).append(" priority ").append(hook.priority).append(later);
    return text.append("; policy accept;\n").append(guard);
}

std::string nftables_hook(const RulePlan& plan, const NftablesHook& hook) {
    const bool all = all_packets(plan);
    std::string text = nftables_chain("intercept", hook, "", hook.guard);
    text += all ? kNftablesQueueAll : kNftablesQueueSelective;
    if (hook.side == Side::arriving) {
        if (!all) text += kNftablesMidwaySelective;
        text += all ? kNftablesErrorsAll : kNftablesErrorsSelective;
    }
    text += "    }\n";
    if (all) return text;
    text += nftables_chain("release", hook, " + 1", hook.release_guard);
    return text.append(kNftablesRelease).append("    }\n");
}

/// What stands in FINWAITD where packets are queued.
std::string iptables_queue(const RulePlan& plan, Side side) {
    if (all_packets(plan)) return std::string(kIptablesQueueAll);
    std::string text(kIptablesMark);
    text += kIptablesQueueTcp;
    if (side == Side::arriving) text.append(kIptablesQueueMidway).append(kIptablesQueueErrors);
    return text;
}

std::string iptables_table(std::string_view name, const std::string& rules) {
    std::string text = "*";
    return text.append(name).append("\n:FINWAITD - [0:0]\n").append(rules).append("COMMIT\n");
}

std::string iptables_mangle(const RulePlan& plan) {
    std::string rules;
    if (forwards(plan)) rules += kIptablesForward;
    if (own_sockets(plan)) rules += kIptablesInput;
    rules += iptables_queue(plan, Side::arriving);
    if (own_sockets(plan) && !all_packets(plan)) rules += kIptablesReleaseOutput;
    return iptables_table("mangle", rules);
}

std::string iptables_filter(const RulePlan& plan) {
    std::string rules;
    if (forwards(plan)) rules += "-I FORWARD 1 -p tcp -j FINWAITD\n";
    if (own_sockets(plan)) rules += "-I INPUT 1 ! -i lo -p tcp -j FINWAITD\n";
    rules.append(kIptablesRelease).append(kIptablesMark);
    return iptables_table("filter", rules);
}

std::string iptables_security(const RulePlan& plan) {
    return iptables_table("security", std::string(kIptablesOutput) + iptables_queue(plan, Side::leaving));
}

}  // namespace

std::string render_nftables(const RulePlan& plan) {
    std::string text = "add table inet finwaitd\ndelete table inet finwaitd\ntable inet finwaitd {\n";
    if (forwards(plan)) text += nftables_hook(plan, kNftablesForward);
    if (own_sockets(plan)) text += nftables_hook(plan, kNftablesInput) + nftables_hook(plan, kNftablesOutput);
    if (knows_own_packets(plan)) text += kNftablesOwn;
    replace(text, "@notrack@", plan.untracked ? " notrack" : "");
    return fill(text + "}\n", plan, kNftablesNoLoopback, nftables_queues(plan));
}

std::string render_iptables_intercept(const RulePlan& plan) {
    std::string text = iptables_mangle(plan);
    if (!all_packets(plan)) text += iptables_filter(plan);
    if (own_sockets(plan)) text += iptables_security(plan);
    const std::string option = plan.queues > 1 ? "--queue-balance " : "--queue-num ";
    return fill(std::move(text), plan, kIptablesNoLoopback, option + range(plan, ':'));
}

std::string render_iptables_own(const RulePlan& plan) {
    if (!knows_own_packets(plan)) return {};
    std::string text(kIptablesOwn);
    replace(text, "@notrack@", plan.untracked ? "-A FINWAITD -j CT --notrack\n" : "");
    return fill(std::move(text), plan, {}, {});
}

std::string render_iptables(const RulePlan& plan) {
    return render_iptables_intercept(plan) + render_iptables_own(plan);
}

}  // namespace finwait::netfilter
