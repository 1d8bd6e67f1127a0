// How many rules of finwaitd there are in each chain. Two versions of a tool write the same rule differently,
// so the rules that a configuration wants and those that a tool lists are compared by their numbers.
#pragma once

#include "netfilter/own_rules.hpp"
#include "netfilter/rule_plan.hpp"
#include "netfilter/xtables.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace finwait::netfilter {

/// By table and chain ("mangle FORWARD"), or by the chain alone in nftables.
using RuleShape = std::map<std::string, std::size_t>;

/// Of the rules that a plan makes by iptables, for one version of IP.
[[nodiscard]] RuleShape iptables_shape(const RulePlan& plan, bool v6);
[[nodiscard]] RuleShape nftables_shape(const RulePlan& plan);

/// Of what own_tables() has found.
[[nodiscard]] RuleShape shape_of(const std::vector<OwnTable>& tables);
/// Of lines that find_own_rules() has found by iptables: "-t mangle -A FORWARD -p tcp -j FINWAITD".
[[nodiscard]] RuleShape shape_of_iptables(const Lines& lines);
/// Of the table inet finwaitd, as nft lists it.
[[nodiscard]] RuleShape shape_of_nftables(const Lines& lines);

struct MissingRules {
    std::size_t rules = 0;  // how many
    std::string text;       // "2 of 3 in mangle FORWARD, 7 of 7 in mangle FINWAITD"

    [[nodiscard]] bool any() const { return !text.empty(); }
};

[[nodiscard]] MissingRules missing_rules(const RuleShape& expected, const RuleShape& found);

}  // namespace finwait::netfilter
