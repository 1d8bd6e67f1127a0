#include "netfilter/rule_shape.hpp"

#include <algorithm>
#include <string_view>

namespace finwait::netfilter {
namespace {

/// The second word of "-A FORWARD -p tcp" and of "chain own {".
std::string second_word(std::string_view line) {
    line.remove_prefix(std::min(line.find(' ') + 1, line.size()));
    return std::string(line.substr(0, line.find(' ')));
}

void add(std::string_view table, std::string_view line, RuleShape& shape) {
    std::size_t& rules = shape[std::string(table) + ' ' + second_word(line)];
    if (line.starts_with("-A ")) ++rules;
}

/// As iptables-save writes it: without the lines for the other version of IP, and with each rule appended.
std::string for_version(const Lines& rendered, bool v6) {
    const std::string_view other = v6 ? "-4 " : "-6 ";
    const std::string_view own = v6 ? "-6 " : "-4 ";
    std::string text;
    for (std::string line : rendered) {
        if (line.starts_with(other)) continue;
        if (line.starts_with(own)) line.erase(0, own.size());
        if (line.starts_with("-I ")) line[1] = 'A';
        text += line + '\n';
    }
    return text;
}

}  // namespace

RuleShape iptables_shape(const RulePlan& plan, bool v6) {
    return shape_of(parse_own_tables(for_version(lines_of(render_iptables(plan)), v6)));
}

RuleShape nftables_shape(const RulePlan& plan) {
    return shape_of_nftables(lines_of(render_nftables(plan)));
}

RuleShape shape_of(const std::vector<OwnTable>& tables) {
    RuleShape shape;
    for (const OwnTable& table : tables)
        for (const std::string& line : table.lines)
            add(table.name, line, shape);
    return shape;
}

RuleShape shape_of_iptables(const Lines& lines) {
    RuleShape shape;
    for (std::string_view line : lines) {
        if (!line.starts_with("-t ")) continue;
        const std::string table = second_word(line);
        line.remove_prefix(std::min(table.size() + 4, line.size()));
        add(table, line, shape);
    }
    return shape;
}

RuleShape shape_of_nftables(const Lines& lines) {
    RuleShape shape;
    std::size_t* chain = nullptr;
    for (const std::string& line : lines) {
        if (line.starts_with("chain "))
            chain = &shape[second_word(line)];
        else if (chain != nullptr && line != "}" && !line.starts_with("type "))
            ++*chain;
    }
    return shape;
}

MissingRules missing_rules(const RuleShape& expected, const RuleShape& found) {
    MissingRules missing;
    for (const auto& [chain, rules] : expected) {
        const auto at = found.find(chain);
        const std::size_t there = at == found.end() ? 0 : at->second;
        if (there >= rules) continue;
        missing.rules += rules - there;
        missing.text += (missing.any() ? ", " : "") + std::to_string(rules - there) + " of " +
                        std::to_string(rules) + " in " + chain;
    }
    return missing;
}

}  // namespace finwait::netfilter
