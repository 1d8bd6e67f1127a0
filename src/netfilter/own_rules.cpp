#include "netfilter/own_rules.hpp"

#include "netfilter/xtables.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace finwait::netfilter {
namespace {

void look_in_nft(const ToolTime& time, OwnRulesFound& all) {
    const auto nft = find_tool("nft");
    if (!nft) return;
    OwnTableListing listing = list_own_nft_table(*nft, time);
    auto problem = listing.known() ? std::nullopt : not_listed("nft", listing.result);
    if (problem) all.unknown.push_back(std::move(*problem));
    if (!listing.lines.empty())
        all.found.push_back({OwnRules::Place::nftables, "nftables", std::move(listing.lines)});
}

void look_in(const Xtables& tool, const ToolTime& time, OwnRulesFound& all) {
    const auto answer = own_tables(tool, time);
    if (const auto* failed = std::get_if<ToolResult>(&answer)) {
        if (auto problem = not_listed(tool.name, *failed)) all.unknown.push_back(std::move(*problem));
        return;
    }
    OwnRules own{
        tool.legacy ? OwnRules::Place::iptables_legacy : OwnRules::Place::iptables_nft, tool.name, {}};
    for (const OwnTable& table : std::get<std::vector<OwnTable>>(answer))
        for (const std::string& line : table.lines)
            own.lines.push_back("-t " + table.name + ' ' + line);
    if (!own.lines.empty()) all.found.push_back(std::move(own));
}

}  // namespace

Lines lines_of(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        while (line.ends_with(' '))
            line.remove_suffix(1);
        if (!line.empty()) lines.emplace_back(line);
    }
    return lines;
}

std::string OwnRulesFound::text() const {
    std::string text;
    for (const OwnRules& rules : found) {
        if (!text.empty()) text += ", ";
        text += std::to_string(rules.lines.size()) + (rules.lines.size() == 1 ? " line in " : " lines in ") +
                rules.backend;
    }
    return text;
}

std::size_t OwnRulesFound::places() const {
    std::set<OwnRules::Place> places;
    for (const OwnRules& rules : found)
        places.insert(rules.place);
    return places.size();
}

bool OwnTableListing::known() const {
    return result.ok() ||
           (result.status == 1 && result.errors.find("No such file or directory") != std::string::npos);
}

/// `-s`: without counters and the like.
OwnTableListing list_own_nft_table(const std::string& nft, const ToolTime& time) {
    OwnTableListing listing;
    listing.result = run_tool({nft, "-s", "list", "table", "inet", "finwaitd"}, "", time);
    if (!listing.result.ok()) return listing;
    for (std::string& line : lines_of(listing.result.output))
        if (line != "}") listing.lines.push_back(std::move(line));
    return listing;
}

OwnRulesFound find_own_rules(const ToolTime& time) {
    OwnRulesFound all;
    look_in_nft(time, all);
    for (const Xtables& tool : find_xtables())
        look_in(tool, time, all);
    return all;
}

}  // namespace finwait::netfilter
