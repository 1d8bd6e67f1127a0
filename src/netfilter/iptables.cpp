#include "netfilter/backend.hpp"
#include "netfilter/rule_shape.hpp"
#include "netfilter/xtables.hpp"

#include <algorithm>
#include <string_view>

namespace finwait::netfilter::iptables {
namespace {

void add(Problem& all, const Problem& more) {
    if (!more || (all && all->find(*more) != std::string::npos)) return;
    all = all ? *all + "; " + *more : *more;
}

/// `-w`: another program may hold the legacy variant's lock. It is waited for as long as there is time.
Problem restore(const Xtables& tool, const std::string& text, const ToolTime& time) {
    if (text.empty()) return std::nullopt;
    const auto left = time.left();
    const auto patience = std::chrono::floor<std::chrono::seconds>(left - std::chrono::milliseconds(500));
    const std::string seconds = std::to_string(std::max<long>(patience.count(), 1));
    const ToolResult result = run_tool({tool.restore, "-w", seconds, "--noflush"}, text, time, left);
    if (result.ok()) return std::nullopt;
    return describe(std::string(tool.family()) + "-restore", result);
}

/// Takes our jumps and our chains out of the tables of one variant.
Problem clear(const Xtables& tool, const std::vector<OwnTable>& tables, const ToolTime& time) {
    Problem all;
    for (const OwnTable& table : tables)
        add(all, restore(tool, removal_of(table), time));
    return all;
}

Problem clear_own(const Families& families, const ToolTime& time) {
    Problem all;
    for (const Xtables& family : families) {
        const auto answer = own_tables(family, time);
        if (const auto* failed = std::get_if<ToolResult>(&answer))
            add(all, describe(std::string(family.family()) + "-save", *failed));
        else
            add(all, clear(family, std::get<std::vector<OwnTable>>(answer), time));
    }
    return all;
}

/// Undoes try_own().
void clear_untracked(const Xtables& tool, const ToolTime& time) {
    const auto answer = own_tables(tool, time);
    const auto* tables = std::get_if<std::vector<OwnTable>>(&answer);
    if (tables == nullptr) return;
    for (const OwnTable& table : *tables)
        if (table.name == "raw") (void)restore(tool, removal_of(table), time);
}

/// For all IP versions or for none.
Problem try_own(const Families& families, const RulePlan& plan, const ToolTime& time) {
    const std::string rules = render_iptables_own(plan);
    Problem problem;
    for (const Xtables& family : families)
        if (!problem) problem = restore(family, rules, time);
    for (const Xtables& undo : families)
        if (problem) clear_untracked(undo, time);
    return problem;
}

Problem install_own(const Families& families, RulePlan& plan, std::vector<std::string>& notes,
                    const ToolTime& time) {
    const Problem problem = try_own(families, plan, time);
    if (!problem || !plan.untracked || time.left().count() == 0) return problem;
    notes.push_back(without_untracked(*problem));
    plan.untracked = false;
    return try_own(families, plan, time);
}

/// What is not there although the tool has reported success. Rules that cannot be listed count as there.
Problem find_absent(const Xtables& tool, const RulePlan& plan, const ToolTime& time) {
    const auto answer = own_tables(tool, time);
    const auto* tables = std::get_if<std::vector<OwnTable>>(&answer);
    if (tables == nullptr) return std::nullopt;
    const MissingRules missing = missing_rules(iptables_shape(plan, tool.v6), shape_of(*tables));
    if (!missing.any()) return std::nullopt;
    return std::string(tool.family()) + "-restore: reported success, but rules are missing: " + missing.text;
}

}  // namespace

Families find_families() {
    Families families;
    if (auto v4 = default_xtables(false)) families.push_back(std::move(*v4));
    if (families.empty() || !kernel_has_ipv6()) return families;
    if (auto v6 = default_xtables(true)) families.push_back(std::move(*v6));
    return families;
}

Problem install(const Families& families, RulePlan& plan, std::vector<std::string>& notes,
                const ToolTime& time) {
    if (families.empty()) return "iptables is not installed: install the package iptables";
    if (families.size() == 1) {
        notes.emplace_back(kernel_has_ipv6()
                               ? "IPv6 flows are not intercepted: ip6tables is not installed"
                               : "IPv6 flows are not intercepted: this kernel has IPv6 switched off");
    }
    // Before anything is queued: ours must never be.
    Problem problem = install_own(families, plan, notes, time);
    for (const Xtables& family : families)
        if (!problem) problem = restore(family, render_iptables_intercept(plan), time);
    for (const Xtables& family : families)
        if (!problem) problem = find_absent(family, plan, time);
    return problem;
}

Problem list(const Families& families, Lines& lines, const ToolTime& time) {
    for (const Xtables& family : families) {
        const std::string tool(family.family());
        const auto answer = own_tables(family, time);
        if (const auto* failed = std::get_if<ToolResult>(&answer)) return describe(tool + "-save", *failed);
        for (const OwnTable& table : std::get<std::vector<OwnTable>>(answer))
            for (const std::string& line : table.lines)
                lines.push_back(tool + " -t " + table.name + ' ' + line);
    }
    return std::nullopt;
}

Problem restore(const Families& families, const RulePlan& plan, const ToolTime& time) {
    RulePlan same = plan;
    std::vector<std::string> notes;
    if (Problem problem = clear_own(families, time)) return problem;
    Problem problem = install(families, same, notes, time);
    if (!problem && same.untracked != plan.untracked) problem = notes.back();
    return problem;
}

Removal remove(const Xtables& tool, const ToolTime& time) {
    const auto unseen_by = [&tool](const ToolResult& result) {
        return netfilter::unseen(result, describe(tool.name + "-save", result));
    };
    const auto before = own_tables(tool, time);
    if (const auto* failed = std::get_if<ToolResult>(&before)) return unseen_by(*failed);
    const auto& tables = std::get<std::vector<OwnTable>>(before);
    if (tables.empty()) return {};
    Removal removal;
    if (const Problem problem = clear(tool, tables, time)) {
        removal = {.outcome = Removal::Outcome::left,
                   .why = *problem,
                   .hopeless = std::ranges::any_of(tables, has_foreign_jump)};
    } else if (const auto after = own_tables(tool, time); std::holds_alternative<ToolResult>(after)) {
        removal = unseen_by(std::get<ToolResult>(after));
    } else if (!std::get<std::vector<OwnTable>>(after).empty()) {
        removal = {.outcome = Removal::Outcome::left,
                   .why = tool.name + "-restore: reported success and has not removed all rules",
                   .claimed = true};
    }
    removal.found = true;
    return removal;
}

}  // namespace finwait::netfilter::iptables
