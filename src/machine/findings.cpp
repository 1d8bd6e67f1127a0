#include "machine/findings.hpp"

#include "machine/conntrack_clock.hpp"
#include "policy/filter.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace finwait::machine {
namespace {

using policy::duration_text;

struct Need {
    std::string policy;
    Duration time{0};
};

std::string hex(std::uint32_t value) {
    std::array<char, 16> text{};
    const int size = std::snprintf(text.data(), text.size(), "0x%x", value);
    return {text.data(), static_cast<std::size_t>(size)};
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

/// What cannot be said because a tool gave no answer.
Finding not_known(std::string subject, const std::string& question, const std::vector<std::string>& silent) {
    return {Grade::unknown,
            std::move(subject),
            "Whether " + question + " is not known: " + joined(silent) + ".",
            {}};
}

Finding conntrack_timeout(std::string_view state, const std::optional<Duration>& limit, const Need& need,
                          const config::Settings& settings) {
    const std::string key = "net.netfilter.nf_conntrack_tcp_timeout_" + std::string(state);
    if (!limit)
        return {Grade::unknown, "conntrack",
                key + " cannot be read: conntrack is not loaded, or this is a container.",
                "modprobe nf_conntrack"};
    const std::string now = key + " is " + duration_text(*limit);
    if (settings.conntrack.manage_timeouts && *limit < need.time)
        return {
            Grade::good, "conntrack", now + ", and finwaitd raises it while it runs (manage_timeouts).", {}};
    if (*limit >= need.time)
        return {Grade::good, "conntrack", now + ", longer than policy \"" + need.policy + "\" needs.", {}};
    if (*limit >= std::chrono::seconds(4))
        return {Grade::good,
                "conntrack",
                now + ", and policy \"" + need.policy + "\" needs " + duration_text(need.time) +
                    ": finwaitd keeps the entries of half-closed connections alive while it runs.",
                {}};
    return {Grade::warning, "conntrack",
            now + ", and policy \"" + need.policy + "\" needs " + duration_text(need.time) +
                " (fin_wait_2 and the time to ask): conntrack forgets a half-closed connection before "
                "finwaitd acts, and "
                "its NAT mapping and finwaitd's mark go with it.",
            "conntrack.manage_timeouts = true in the configuration, or sysctl -w " + key + "=" +
                std::to_string(seconds_for(need.time))};
}

Finding conntrack_room(const Facts& facts, const config::Settings& settings) {
    if (!facts.conntrack_max)
        return {Grade::unknown, "conntrack", "net.netfilter.nf_conntrack_max cannot be read.", {}};
    const std::string max = std::to_string(*facts.conntrack_max);
    const std::string flows = std::to_string(settings.limits.flows);
    if (settings.limits.flows >= *facts.conntrack_max)
        return {Grade::good,
                "limits",
                "limits.flows (" + flows + ") holds all that conntrack does (" + max + ").",
                {}};
    return {Grade::warning, "limits",
            "conntrack holds up to " + max + " connections, limits.flows is " + flows +
                ": with a full conntrack table new connections pass untracked.",
            "limits.flows = " + max + " in the configuration, if there is memory for it"};
}

Finding queue(const Facts& facts) {
    if (facts.queue) return {Grade::good, "kernel", "NFQUEUE is there.", {}};
    return {Grade::problem, "kernel",
            "/proc/net/netfilter/nfnetlink_queue is missing: this kernel has no NFQUEUE.",
            "modprobe nfnetlink_queue"};
}

/// nftables is installed, and cannot do what finwaitd needs.
Finding without_nft_queue(const Facts& facts, bool falls_back) {
    const std::string why =
        "nft is installed, but this kernel cannot queue packets by it (" + facts.nft_problem + ")";
    if (falls_back)
        return {Grade::good,
                "tools",
                why + ": intercept.backend = \"auto\" uses iptables instead, which works as well.",
                {}};
    return {Grade::problem, "tools", why + ".",
            "modprobe nft_queue, or install iptables and set intercept.backend = \"iptables\""};
}

Finding tools(const Facts& facts, const config::Settings& settings) {
    using config::Backend;
    const Backend wanted = settings.intercept.backend;
    const bool automatic = wanted == Backend::automatic;
    if (wanted == Backend::none)
        return {Grade::good, "tools", "intercept.backend is \"none\": no tool is needed.", {}};
    const bool tries_nft = facts.nft && (automatic || wanted == Backend::nftables);
    if (tries_nft && !facts.nft_problem.empty()) return without_nft_queue(facts, automatic && facts.iptables);
    if (tries_nft && !facts.nft_silent.empty())
        return not_known("tools", "nft can queue packets in this kernel", {facts.nft_silent});
    if (tries_nft) return {Grade::good, "tools", "The rules are made by nftables.", {}};
    if (facts.iptables && wanted != Backend::nftables)
        return {
            Grade::good,
            "tools",
            std::string("The rules are made by iptables") + (automatic ? ", for nft is not installed." : "."),
            {}};
    return {Grade::problem, "tools", "The program that intercept.backend needs is not installed.",
            wanted == Backend::nftables ? "apt-get install nftables" : "apt-get install iptables"};
}

Finding forwarding(const Facts& facts, const config::Settings& settings) {
    if (!settings.intercept.forward())
        return {Grade::good, "forwarding", "Only this machine's own connections are in scope.", {}};
    const bool v4 = facts.forwarding_v4.value_or(false);
    const bool v6 = facts.forwarding_v6.value_or(false);
    if (v4 && v6) return {Grade::good, "forwarding", "IPv4 and IPv6 are forwarded.", {}};
    if (v4 || v6)
        return {Grade::good, "forwarding", std::string("Only IPv") + (v4 ? "4" : "6") + " is forwarded.", {}};
    return {Grade::warning, "forwarding",
            "This host forwards neither IPv4 nor IPv6: there is nothing to see.",
            "sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1"};
}

Finding flowtables(const Facts& facts) {
    if (!facts.flowtables)
        return {Grade::unknown,
                "offload",
                "Whether there are flowtables could not be asked: nft is missing, or needs root.",
                {}};
    if (facts.flowtables->empty()) return {Grade::good, "offload", "There are no flowtables.", {}};
    return {
        Grade::warning, "offload",
        "Connections in a flowtable (" + joined(*facts.flowtables) +
            ") pass by the forward hook, on recent kernels with their FIN and RST: finwaitd sees neither.",
        "keep what finwaitd is to watch out of \"flow add\""};
}

Finding untracked(const Facts& facts) {
    if (facts.untracked.rules.empty() && !facts.untracked.silent.empty())
        return not_known("untracked", "a rule keeps connections from conntrack", facts.untracked.silent);
    if (facts.untracked.rules.empty())
        return {Grade::good, "untracked", "No rule keeps connections from conntrack.", {}};
    return {
        Grade::warning, "untracked",
        "Untracked connections have no mark: in selective mode only their SYN, FIN and RST are seen. Rule: " +
            facts.untracked.rules.front(),
        "intercept.packets = \"all\", or track what finwaitd is to watch"};
}

Finding sequence(const Facts& facts) {
    if (!facts.synproxies.rules.empty() || facts.synproxied > 0)
        return {Grade::warning, "sequence",
                "SYNPROXY changes the sequence numbers of the connections that it opens (so far " +
                    std::to_string(facts.synproxied) +
                    "), after finwaitd has seen them: finwaitd may list such a connection in a wrong state, "
                    "mostly as "
                    "opening, and leaves it alone." +
                    (facts.synproxies.rules.empty() ? "" : " Rule: " + facts.synproxies.rules.front()),
                "keep what finwaitd is to watch out of SYNPROXY"};
    if (!facts.synproxies.silent.empty())
        return not_known("sequence", "a rule changes sequence numbers", facts.synproxies.silent);
    if (!facts.helpers.rules.empty())
        return {Grade::good,
                "sequence",
                "With NAT, a helper may change the sequence numbers of its connections; finwaitd leaves "
                "those alone. "
                "Rule: " +
                    facts.helpers.rules.front(),
                {}};
    return {Grade::good, "sequence", "No rule is known to change sequence numbers.", {}};
}

Finding bridge(const Facts& facts) {
    if (!facts.bridge_calls_iptables.value_or(false))
        return {Grade::good, "bridge", "Bridged packets do not pass the forward hook.", {}};
    return {
        Grade::warning, "bridge",
        "br_netfilter hands bridged packets to the forward hook: finwaitd forwards them and leaves bridged "
        "connections alone. Those that are routed over a bridge are followed as any other.",
        "sysctl -w net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0, unless other "
        "rules need bridged packets"};
}

Finding vrf(const Facts& facts) {
    if (!facts.detours) return {Grade::unknown, "vrf", "Links could not be read.", {}};
    if (facts.detours->vrf.empty()) return {Grade::good, "vrf", "There are no VRFs.", {}};
    return {Grade::warning, "vrf",
            "Connections over " + joined(facts.detours->vrf_names) +
                ", which are of VRFs, are forwarded and left alone: finwaitd cannot send into a VRF.",
            "keep what finwaitd is to watch in the main routing domain"};
}

Finding routing(const Facts& facts) {
    if (!facts.detours) return {Grade::unknown, "routing", "Routing rules could not be read.", {}};
    if (facts.detours->rules.empty())
        return {Grade::good,
                "routing",
                "No routing rule chooses by what finwaitd's own packets cannot have.",
                {}};
    return {
        Grade::warning, "routing",
        "Routing rules choose by interface, ports or type of service (" + joined(facts.detours->rules) +
            "): the connections concerned are forwarded and left alone, for what finwaitd sends would take "
            "another way.",
        "choose by source (ip rule from) or by mark (ip rule fwmark) instead"};
}

}  // namespace

std::string_view name(Grade g) {
    switch (g) {
        case Grade::good: return "good";
        case Grade::unknown: return "unknown";
        case Grade::warning: return "warning";
        case Grade::problem: return "problem";
    }
    return "unknown";
}

Finding marks(const RulesFound& mark_copies, const config::Settings& settings) {
    const std::uint32_t bits = settings.intercept.mark_mask;
    const bool used = settings.intercept.packets == config::Packets::selective;
    const auto at = std::ranges::find_if(
        mark_copies.rules, [&](const std::string& rule) { return used && copies_bits(rule, bits); });
    const bool none = at == mark_copies.rules.end();
    if (none && used && !mark_copies.silent.empty())
        return not_known("marks", "a rule copies finwaitd's bits of the mark", mark_copies.silent);
    if (none) return {Grade::good, "marks", "No rule copies finwaitd's bits of the mark.", {}};
    const std::string others = hex(~bits);
    return {
        Grade::warning, "marks",
        "A rule copies all bits of the mark, finwaitd's too: restored into packets they keep rules such as "
        "\"ip rule fwmark 1\" from matching, so that connections are routed wrongly, and where others are "
        "saved "
        "over them finwaitd loses sight of connections. Rule: " +
            *at,
        "add --nfmask " + others + " --ctmask " + others + " (nft: and with " + others +
            "), or intercept.packets = \"all\""};
}

Finding tracking(const RulesFound& found, const config::Settings& settings) {
    const bool selective = settings.intercept.packets == config::Packets::selective;
    if (selective && settings.intercept.backend == config::Backend::none)
        return {Grade::good,
                "tracking",
                "finwaitd's own rules make conntrack track connections, and finwaitd does not remove them: "
                "intercept.backend is \"none\".",
                {}};
    if (!settings.intercept.forward())
        return {Grade::good, "tracking", "finwaitd reads this machine's own sockets when it starts.", {}};
    if (!found.rules.empty())
        return {Grade::good,
                "tracking",
                "A rule makes conntrack track connections, also while finwaitd is stopped: " +
                    found.rules.front(),
                {}};
    if (!found.silent.empty())
        return not_known("tracking", "a rule makes conntrack track connections", found.silent);
    const std::string own = selective ? "finwaitd's own rules do so only while it runs"
                                      : "with intercept.packets = \"all\" finwaitd's own rules do not";
    return {Grade::warning, "tracking",
            "No rule makes conntrack track connections, and " + own +
                ": nobody sees what passes before finwaitd's first start, and while it is stopped. finwaitd "
                "does not find connections that became half-closed meanwhile, and lists those that ended "
                "until their timeouts.",
            "a rule for IPv4 and IPv6 that needs conntrack, such as "
            "iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT"};
}

std::vector<Finding> findings(const Facts& facts, const config::Settings& settings) {
    Need need;
    need.time = longest_silence(settings, &need.policy);
    return {queue(facts),
            tools(facts, settings),
            own_rules(facts, settings),
            forwarding(facts, settings),
            conntrack_timeout("fin_wait", facts.fin_wait, need, settings),
            conntrack_timeout("close_wait", facts.close_wait, need, settings),
            conntrack_timeout("last_ack", facts.last_ack, need, settings),
            conntrack_room(facts, settings),
            flowtables(facts),
            untracked(facts),
            tracking(facts.tracking, settings),
            sequence(facts),
            bridge(facts),
            marks(facts.mark_copies, settings),
            vrf(facts),
            routing(facts)};
}

}  // namespace finwait::machine
