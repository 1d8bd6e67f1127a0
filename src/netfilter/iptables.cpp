#include "netfilter/backend.hpp"

#include <algorithm>
#include <array>
#include <unistd.h>

namespace finwait::netfilter::iptables {
namespace {

constexpr const char* kChain = "FINWAITD";

/// Where our chains are, and from where they are jumped to.
struct Place {
    const char* table;
    const char* base;
};
constexpr Place kIntercept{"mangle", "FORWARD"};
constexpr Place kRelease{"filter", "FORWARD"};
constexpr Place kUntracked{"raw", "OUTPUT"};  // some kernels have no such table

/// The tools of one IP version.
struct Family {
    std::string list;     // iptables or ip6tables
    std::string restore;  // the same, -restore
};

std::optional<Family> find_family(const std::string& name) {
    auto list = find_tool(name);
    auto restore = find_tool(name + "-restore");
    if (!list || !restore) return std::nullopt;
    return Family{std::move(*list), std::move(*restore)};
}

bool kernel_has_ipv6() {
    return access("/proc/sys/net/ipv6", F_OK) == 0;
}

/// The families that can be served; empty without iptables.
std::vector<Family> find_families() {
    std::vector<Family> families;
    if (auto v4 = find_family("iptables")) families.push_back(std::move(*v4));
    if (families.empty() || !kernel_has_ipv6()) return families;
    if (auto v6 = find_family("ip6tables")) families.push_back(std::move(*v6));
    return families;
}

std::string_view base_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

/// `-w`: the legacy variant's lock may be held by another program for a moment.
ToolResult list_chain(const Family& family, const char* table, const char* chain) {
    return run_tool({family.list, "-w", "5", "-t", table, "-S", chain}, "");
}

Problem restore(const Family& family, const std::string& text) {
    const ToolResult result = run_tool({family.restore, "-w", "5", "--noflush"}, text);
    if (result.ok()) return std::nullopt;
    return describe(base_name(family.restore), result);
}

/// Lines of `-S BASE` that jump to our chain, as lines that delete them.
std::string jump_deletions(std::string_view rules, const char* base) {
    const std::string begin = std::string("-A ") + base + ' ';
    const std::string jump = std::string(" -j ") + kChain;
    std::string deletions;
    while (!rules.empty()) {
        const std::size_t end = std::min(rules.find('\n'), rules.size());
        std::string line(rules.substr(0, end));
        rules.remove_prefix(std::min(end + 1, rules.size()));
        if (!line.starts_with(begin) || !line.ends_with(jump)) continue;
        line[1] = 'D';
        deletions += line + '\n';
    }
    return deletions;
}

/// Takes our jumps out of the base chain and, with `chain_too`, our chain out of the table.
Problem clear_place(const Family& family, const Place& place, bool chain_too) {
    const ToolResult base = list_chain(family, place.table, place.base);
    if (!base.ok()) return describe(base_name(family.list), base);
    std::string changes = jump_deletions(base.output, place.base);
    if (chain_too && list_chain(family, place.table, kChain).ok()) {
        changes += std::string("-F ") + kChain + "\n-X " + kChain + '\n';
    }
    if (changes.empty()) return std::nullopt;
    return restore(family, std::string("*") + place.table + '\n' + changes + "COMMIT\n");
}

void add(Problem& all, const Problem& more) {
    if (!more || (all && all->find(*more) != std::string::npos)) return;
    all = all ? *all + "; " + *more : *more;
}

/// A table that is not there holds nothing of ours.
Problem clear_untracked(const Family& family) {
    if (!list_chain(family, kUntracked.table, kChain).ok()) return std::nullopt;
    return clear_place(family, kUntracked, true);
}

Problem clear(const Family& family) {
    Problem all = clear_place(family, kIntercept, true);
    add(all, clear_place(family, kRelease, true));
    add(all, clear_untracked(family));
    return all;
}

/// For all IP versions or for none.
void install_untracked(const std::vector<Family>& families, RulePlan& plan, std::vector<std::string>& notes) {
    for (const Family& family : families) {
        const Problem problem = restore(family, render_iptables_untracked(plan));
        if (!problem) continue;
        notes.push_back(without_untracked(*problem));
        plan.untracked = false;
        break;
    }
    if (plan.untracked) return;
    for (const Family& undo : families)
        (void)clear_untracked(undo);
}

}  // namespace

Problem install(RulePlan& plan, std::vector<std::string>& notes) {
    const std::vector<Family> families = find_families();
    if (families.empty()) return "iptables is not installed: install the package iptables";
    if (families.size() == 1) {
        notes.emplace_back(kernel_has_ipv6()
                               ? "IPv6 flows are not intercepted: ip6tables is not installed"
                               : "IPv6 flows are not intercepted: this kernel has IPv6 switched off");
    }
    for (const Family& family : families) {
        Problem problem = clear(family);
        if (!problem) problem = restore(family, render_iptables_intercept(plan));
        if (!problem) continue;
        for (const Family& undo : families)
            (void)clear(undo);
        return problem;
    }
    if (plan.untracked) install_untracked(families, plan, notes);
    return std::nullopt;
}

Problem silence() {
    Problem all;
    for (const Family& family : find_families())
        add(all, clear_place(family, kIntercept, false));
    return all;
}

Problem remove() {
    Problem all;
    for (const Family& family : find_families())
        add(all, clear(family));
    return all;
}

}  // namespace finwait::netfilter::iptables
