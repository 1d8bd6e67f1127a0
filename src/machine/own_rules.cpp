// The finding about finwaitd's own rules: those in the kernel, compared with those that a configuration
// makes.
#include "machine/findings.hpp"
#include "netfilter/rule_shape.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace finwait::machine {
namespace {

using netfilter::MissingRules;
using netfilter::OwnRules;
using netfilter::RulePlan;
using netfilter::RuleShape;

/// What finwaitd's rules are to look like in one backend, and what they look like.
struct Comparison {
    std::string backend;
    RuleShape found;
    RuleShape (*expected)(const RulePlan& plan);
    std::string_view own;  // how the chains begin that keep what finwaitd sends from conntrack
};

RuleShape expected_v4(const RulePlan& plan) {
    return netfilter::iptables_shape(plan, false);
}

RuleShape expected_v6(const RulePlan& plan) {
    return netfilter::iptables_shape(plan, true);
}

/// One version of IP. Where there is no rule of it, its tool has the name of the other one's.
Comparison by_iptables(const std::vector<OwnRules>& found, bool v6) {
    Comparison one{{}, {}, v6 ? &expected_v6 : &expected_v4, "raw "};
    const std::string_view family = v6 ? "ip6tables" : "iptables";
    for (const OwnRules& rules : found) {
        if (rules.backend.starts_with(family)) {
            one.backend = rules.backend;
            one.found = netfilter::shape_of_iptables(rules.lines);
        } else if (one.backend.empty()) {
            one.backend = std::string(family).append(rules.backend, rules.backend.find("tables") + 6);
        }
    }
    return one;
}

std::vector<Comparison> comparisons(const Facts& facts) {
    const std::vector<OwnRules>& found = facts.own_rules.found;
    if (found.front().place == OwnRules::Place::nftables)
        return {{found.front().backend, netfilter::shape_of_nftables(found.front().lines),
                 &netfilter::nftables_shape, "own"}};
    std::vector<Comparison> all{by_iptables(found, false)};
    if (facts.ip6tables) all.push_back(by_iptables(found, true));
    return all;
}

/// finwaitd goes without notrack where the kernel has none, and without its chains where they are for nothing
/// else.
MissingRules missing_in(const Comparison& one, RulePlan plan) {
    const MissingRules all = netfilter::missing_rules(one.expected(plan), one.found);
    const bool has_own = std::ranges::any_of(
        one.found, [&one](const auto& chain) { return chain.first.starts_with(one.own); });
    if (!all.any() || (has_own && plan.scope == config::Scope::forward)) return all;
    plan.untracked = false;
    return netfilter::missing_rules(one.expected(plan), one.found);
}

/// "iptables-nft: 2 of 2 in mangle FORWARD"; empty when none is. REQUIRES: there are some in one backend.
std::string missing_rules(const Facts& facts, const config::Settings& settings) {
    RulePlan plan;
    plan.packets = settings.intercept.packets;
    plan.scope = settings.intercept.scope;
    plan.loopback = settings.intercept.loopback;
    std::string text;
    if (settings.intercept.backend == config::Backend::none) return text;  // they are the operator's
    for (const Comparison& one : comparisons(facts))
        if (const MissingRules missing = missing_in(one, plan); missing.any())
            text += (text.empty() ? "" : "; ") + one.backend + ": " + missing.text;
    return text;
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

}  // namespace

Finding own_rules(const Facts& facts, const config::Settings& settings) {
    const std::string where = facts.own_rules.text();
    const bool bound =
        std::ranges::find(facts.bound_queues, settings.intercept.first_queue) != facts.bound_queues.end();
    if (facts.rules_missing > 0)
        return {Grade::problem, "rules",
                "Of the running finwaitd's firewall rules " + std::to_string(facts.rules_missing) +
                    (facts.rules_missing == 1 ? " is" : " are") +
                    " missing, or changed: connections pass unseen, and finwaitd ends none.",
                "finwaitctl reload, which puts them back"};
    if (facts.own_rules.places() > 1)
        return {Grade::warning, "rules",
                "finwaitd's firewall rules are in more than one backend (" + where +
                    "): each segment is queued more than once.",
                "systemctl restart finwaitd, which removes those of earlier runs; with intercept.backend = "
                "\"none\" remove those that you do not want"};
    if (!where.empty() && !bound)
        return {Grade::warning, "rules",
                "finwaitd's firewall rules are there (" + where +
                    "), and nobody reads their queue: a run was killed, or could not remove them. Packets "
                    "pass.",
                "start finwaitd, which replaces them, and stop it, which removes them"};
    if (!facts.own_rules.unknown.empty())
        return {Grade::unknown,
                "rules",
                "Not every firewall tool has said whether it has rules of finwaitd: " +
                    joined(facts.own_rules.unknown) + ".",
                {}};
    if (where.empty() && bound && settings.intercept.backend != config::Backend::none)
        return {
            Grade::warning, "rules",
            "A program reads queue " + std::to_string(settings.intercept.first_queue) +
                ", and no firewall rule of finwaitd is there: if it is finwaitd, connections pass unseen.",
            "finwaitctl reload, which puts the rules back; if it is another program, choose another "
            "intercept.first_queue"};
    if (where.empty()) return {Grade::good, "rules", "No firewall rule of finwaitd is left over.", {}};
    if (const std::string missing = missing_rules(facts, settings); !missing.empty())
        return {Grade::problem, "rules",
                "Of the firewall rules that this configuration makes some are missing: " + missing +
                    ". Connections pass unseen.",
                "finwaitctl reload, which puts them back; where [intercept] has been changed since finwaitd "
                "was started, systemctl restart finwaitd"};
    return {Grade::good, "rules", "finwaitd's firewall rules are in one backend: " + where + ".", {}};
}

}  // namespace finwait::machine
