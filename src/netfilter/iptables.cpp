#include "netfilter/backend.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <unistd.h>

namespace finwait::netfilter::iptables {
namespace {

constexpr std::array kChains = {"FINWAITD", "FINWAITD-OUT"};

using Names = std::span<const char* const>;
constexpr std::array kArriving = {"FORWARD", "INPUT"};
constexpr std::array kOutput = {"OUTPUT"};
constexpr std::array kPostrouting = {"POSTROUTING"};

/// Where our chains are, and from where they are jumped to, whatever the scope: rules of an earlier run may
/// have had another one.
struct Table {
    const char* name;
    Names queueing;  // chains whose jumps hand packets to us
    Names others;
    bool optional = false;  // some kernels have no such table: it holds nothing of ours then
};
constexpr Table kUntracked{"raw", {}, kOutput, true};
constexpr std::array kTables = {Table{"mangle", kArriving, kPostrouting}, Table{"filter", {}, kArriving},
                                Table{"security", kOutput, {}, true}, kUntracked};

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

/// Whether a rule, as a line of `-S`, jumps to a chain of ours.
bool is_ours(std::string_view line) {
    return std::ranges::any_of(
        kChains, [line](const char* chain) { return line.ends_with(std::string(" -j ") + chain); });
}

/// Lines of `-S BASE` that jump to our chains, as lines that delete them.
std::string jump_deletions(std::string_view rules, const char* base) {
    const std::string begin = std::string("-A ") + base + ' ';
    std::string deletions;
    while (!rules.empty()) {
        const std::size_t end = std::min(rules.find('\n'), rules.size());
        std::string line(rules.substr(0, end));
        rules.remove_prefix(std::min(end + 1, rules.size()));
        if (!line.starts_with(begin) || !is_ours(line)) continue;
        line[1] = 'D';
        deletions += line + '\n';
    }
    return deletions;
}

/// Whether a line of `-S` is a rule in, or the name of, a chain of ours.
bool is_in_ours(std::string_view line) {
    return std::ranges::any_of(kChains, [line](const char* chain) {
        const std::string name = std::string(" ") + chain;
        return line.substr(2).starts_with(name) &&
               (line.size() == 2 + name.size() || line[2 + name.size()] == ' ');
    });
}

/// Each as the command that would restore it.
Problem add_own_lines(const Family& family, const Table& table, Lines& lines) {
    const std::string tool(base_name(family.list));
    const ToolResult listed = run_tool({family.list, "-w", "5", "-t", table.name, "-S"}, "");
    if (!listed.ok()) return describe(tool, listed);
    if (listed.cut) return tool + ": table " + table.name + " is too large to be listed";
    for (const std::string& line : lines_of(listed.output))
        if (line.starts_with("-") && (is_ours(line) || is_in_ours(line)))
            lines.push_back(tool + " -t " + table.name + ' ' + line);
    return std::nullopt;
}

Problem add_jump_deletions(const Family& family, const Table& table, Names bases, std::string& changes) {
    for (const char* base : bases) {
        const ToolResult listed = list_chain(family, table.name, base);
        if (!listed.ok()) return describe(base_name(family.list), listed);
        changes += jump_deletions(listed.output, base);
    }
    return std::nullopt;
}

Problem change(const Family& family, const Table& table, const std::string& changes) {
    if (changes.empty()) return std::nullopt;
    return restore(family, std::string("*") + table.name + '\n' + changes + "COMMIT\n");
}

/// The legacy tool loads a table that it is asked for, and even an empty one then costs every packet
/// something.
bool is_loaded(const Family& family, const Table& table) {
    std::error_code error;
    const auto program = std::filesystem::canonical(family.list, error).filename().string();
    if (error || program.find("nft") != std::string::npos) return true;
    const bool v6 = base_name(family.list).starts_with("ip6");
    std::ifstream names(std::string("/proc/thread-self/net/") + (v6 ? "ip6" : "ip") + "_tables_names");
    using Words = std::istream_iterator<std::string>;
    return std::find(Words(names), Words(), table.name) != Words();
}

bool has_our_chain(const Family& family, const Table& table) {
    return is_loaded(family, table) && list_chain(family, table.name, kChains.front()).ok();
}

/// Takes our jumps and our chains out of the table.
Problem clear_table(const Family& family, const Table& table) {
    if (table.optional && !has_our_chain(family, table)) return std::nullopt;
    std::string changes;
    if (Problem problem = add_jump_deletions(family, table, table.queueing, changes)) return problem;
    if (Problem problem = add_jump_deletions(family, table, table.others, changes)) return problem;
    for (const char* chain : kChains)
        if (list_chain(family, table.name, chain).ok())
            changes += std::string("-F ") + chain + "\n-X " + chain + '\n';
    return change(family, table, changes);
}

void add(Problem& all, const Problem& more) {
    if (!more || (all && all->find(*more) != std::string::npos)) return;
    all = all ? *all + "; " + *more : *more;
}

Problem clear(const Family& family) {
    Problem all;
    for (const Table& table : kTables)
        add(all, clear_table(family, table));
    return all;
}

/// For all IP versions or for none.
Problem try_own(const std::vector<Family>& families, const RulePlan& plan) {
    const std::string rules = render_iptables_own(plan);
    Problem problem;
    for (const Family& family : families)
        if (!problem && !rules.empty()) problem = restore(family, rules);
    for (const Family& undo : families)
        if (problem) (void)clear_table(undo, kUntracked);
    return problem;
}

Problem install_own(const std::vector<Family>& families, RulePlan& plan, std::vector<std::string>& notes) {
    const Problem problem = try_own(families, plan);
    if (!problem || !plan.untracked) return problem;
    notes.push_back(without_untracked(*problem));
    plan.untracked = false;
    return try_own(families, plan);
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
    Problem problem;
    for (const Family& family : families)
        if (!problem) problem = clear(family);
    // Before anything is queued: ours must never be.
    if (!problem) problem = install_own(families, plan, notes);
    for (const Family& family : families)
        if (!problem) problem = restore(family, render_iptables_intercept(plan));
    for (const Family& undo : families)
        if (problem) (void)clear(undo);
    return problem;
}

Problem list(const RulePlan& plan, Lines& lines) {
    const std::string rules = render_iptables(plan);
    for (const Family& family : find_families()) {
        for (const Table& table : kTables) {
            if (rules.find(std::string("*") + table.name + '\n') == std::string::npos) continue;
            if (Problem problem = add_own_lines(family, table, lines)) return problem;
        }
    }
    return std::nullopt;
}

Problem restore(const RulePlan& plan) {
    RulePlan same = plan;
    std::vector<std::string> notes;
    Problem problem = install(same, notes);
    if (!problem && same.untracked != plan.untracked) problem = notes.back();
    return problem;
}

Problem silence() {
    Problem all;
    for (const Family& family : find_families()) {
        for (const Table& table : kTables) {
            if (table.queueing.empty() || (table.optional && !has_our_chain(family, table))) continue;
            std::string changes;
            add(all, add_jump_deletions(family, table, table.queueing, changes));
            add(all, change(family, table, changes));
        }
    }
    return all;
}

Problem remove() {
    Problem all;
    for (const Family& family : find_families())
        add(all, clear(family));
    return all;
}

}  // namespace finwait::netfilter::iptables
