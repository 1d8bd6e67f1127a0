#include "netfilter/xtables.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace finwait::netfilter {
namespace {

namespace fs = std::filesystem;

constexpr std::array kOwnChains = {kOwnChain, kOwnOutputChain};

/// Where finwaitd has chains, whatever its scope, and from where they are jumped to: rules of an earlier run
/// may have had another scope.
struct Place {
    std::string_view table;
    std::array<std::string_view, 3> bases;
};
constexpr std::array kPlaces = {
    Place{"mangle", {"FORWARD", "INPUT", "POSTROUTING"}},
    Place{"filter", {"FORWARD", "INPUT", ""}},
    Place{"security", {"OUTPUT", "", ""}},
    Place{"raw", {"OUTPUT", "", ""}},
};

fs::path canonical(const std::string& path) {
    std::error_code error;
    return fs::canonical(path, error);
}

/// By the name of the program behind all links, and where that does not tell, as for a wrapper, by its
/// version: "iptables v1.8.9 (nf_tables)".
bool is_legacy(const std::string& program) {
    const std::string file = canonical(program).filename();
    if (file.find("nft") != file.npos) return false;
    if (file.find("legacy") != file.npos || file == "xtables-multi") return true;
    const ToolResult version = run_tool({program, "--version"}, "", std::chrono::seconds(2));
    return version.output.find("nf_tables") == version.output.npos;
}

std::optional<Xtables> find(const std::string& name, bool v6) {
    const auto program = find_tool(name);
    auto save = find_tool(name + "-save");
    auto restore = find_tool(name + "-restore");
    if (!program || !save || !restore) return std::nullopt;
    return Xtables{name, std::move(*save), std::move(*restore), v6, is_legacy(*program)};
}

std::string family_name(bool v6) {
    return v6 ? "ip6tables" : "iptables";
}

bool same_program(const Xtables& a, const Xtables& b) {
    return a.legacy == b.legacy && canonical(a.restore) == canonical(b.restore);
}

std::vector<Xtables> find_named(bool v6) {
    std::vector<Xtables> found;
    for (const char* variant : {"-nft", "-legacy"})
        if (auto tool = find(family_name(v6) + variant, v6)) found.push_back(std::move(*tool));
    return found;
}

std::vector<std::string> words_in(const fs::path& file) {
    std::ifstream in(file);
    return {std::istream_iterator<std::string>(in), std::istream_iterator<std::string>()};
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
    return std::ranges::find(words, word) != words.end();
}

/// Whether a rule, as a line of iptables-save, jumps to a chain of ours.
bool jumps_to_own(std::string_view line) {
    return std::ranges::any_of(kOwnChains, [line](std::string_view chain) {
        return line.ends_with(std::string(" -j ").append(chain));
    });
}

/// The chain that a line is about: the word behind "-A " or ":".
std::string_view chain_of(std::string_view line) {
    line.remove_prefix(line.starts_with(':') ? 1 : std::min<std::size_t>(line.size(), 3));
    return line.substr(0, line.find(' '));
}

bool is_own(std::string_view chain) {
    return std::ranges::find(kOwnChains, chain) != kOwnChains.end();
}

bool is_base(std::string_view table, std::string_view chain) {
    const auto* const place = std::ranges::find(kPlaces, table, &Place::table);
    return place != kPlaces.end() && std::ranges::find(place->bases, chain) != place->bases.end();
}

void add_line(std::string_view line, OwnTable& table) {
    const std::string_view chain = chain_of(line);
    if (line.starts_with(':')) {
        if (is_own(chain)) table.lines.push_back(std::string("-N ").append(chain));
    } else if (line.starts_with("-A ") && (is_own(chain) || jumps_to_own(line))) {
        table.lines.emplace_back(line);
    }
}

void keep(OwnTable&& table, std::vector<OwnTable>& tables) {
    if (!table.lines.empty()) tables.push_back(std::move(table));
    table = {};
}

}  // namespace

bool kernel_has_ipv6() {
    return access("/proc/sys/net/ipv6", F_OK) == 0;
}

std::vector<std::string> loaded_tables(bool v6) {
    const std::string family = v6 ? "ip6" : "ip";
    const fs::path names = "/proc/thread-self/net/" + family + "_tables_names";
    const bool told = access(names.c_str(), R_OK) == 0;
    const std::vector<std::string> words = words_in(told ? names : fs::path("/proc/modules"));
    std::vector<std::string> tables;
    for (const Place& place : kPlaces) {
        std::string table(place.table);
        if (contains(words, told ? table : family + "table_" + table)) tables.push_back(std::move(table));
    }
    return tables;
}

std::vector<Xtables> find_xtables() {
    std::vector<Xtables> all;
    for (const bool v6 : {false, true}) {
        if (v6 && !kernel_has_ipv6()) continue;
        std::vector<Xtables> family = find_named(v6);
        auto plain = find(family_name(v6), v6);
        const auto same = [&](const Xtables& tool) { return tool.legacy == plain->legacy; };
        if (plain && std::ranges::none_of(family, same)) family.push_back(std::move(*plain));
        std::ranges::move(family, std::back_inserter(all));
    }
    return all;
}

std::optional<Xtables> default_xtables(bool v6) {
    auto plain = find(family_name(v6), v6);
    if (!plain) return std::nullopt;
    for (Xtables& named : find_named(v6))
        if (same_program(named, *plain)) return std::move(named);
    return plain;
}

std::vector<OwnTable> parse_own_tables(std::string_view saved) {
    std::vector<OwnTable> tables;
    OwnTable table;
    while (!saved.empty()) {
        const std::size_t end = std::min(saved.find('\n'), saved.size());
        std::string_view line = saved.substr(0, end);
        saved.remove_prefix(std::min(end + 1, saved.size()));
        while (line.ends_with(' '))
            line.remove_suffix(1);
        if (line.starts_with('*')) {
            keep(std::move(table), tables);
            table.name = line.substr(1);
        } else {
            add_line(line, table);
        }
    }
    keep(std::move(table), tables);
    return tables;
}

std::variant<std::vector<OwnTable>, ToolResult> own_tables(const Xtables& tool, const ToolTime& time) {
    std::vector<std::vector<std::string>> commands;
    if (tool.legacy)
        for (std::string& table : loaded_tables(tool.v6))
            commands.push_back({tool.save, "-t", std::move(table)});
    else
        commands.push_back({tool.save});
    std::vector<OwnTable> tables;
    for (const std::vector<std::string>& command : commands) {
        ToolResult saved = run_tool(command, "", time);
        if (saved.ok() && saved.cut) {
            saved.status.reset();
            saved.errors = "there are more rules than finwaitd reads";
        }
        if (!saved.ok()) return saved;
        std::ranges::move(parse_own_tables(saved.output), std::back_inserter(tables));
    }
    return tables;
}

bool has_foreign_jump(const OwnTable& table) {
    return std::ranges::any_of(table.lines, [&table](const std::string& line) {
        const std::string_view chain = chain_of(line);
        return line.starts_with("-A ") && !is_own(chain) && !is_base(table.name, chain);
    });
}

std::string removal_of(const OwnTable& table) {
    std::string jumps;
    std::string chains;
    for (std::string line : table.lines) {
        const std::string chain(chain_of(line));
        if (line.starts_with("-N ")) {
            chains += "-F " + chain + "\n-X " + chain + '\n';
        } else if (!is_own(chain) && is_base(table.name, chain)) {
            line[1] = 'D';
            jumps += line + '\n';
        }
    }
    if (jumps.empty() && chains.empty()) return {};
    return '*' + table.name + '\n' + jumps + chains + "COMMIT\n";
}

}  // namespace finwait::netfilter
