// Rules of finwaitd in any backend that is installed, whoever made them: this run, an earlier one that was
// killed, or an operator who loaded what "finwaitctl rules" prints.
#pragma once

#include "netfilter/process.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::netfilter {

/// Rules as a tool lists them, a line each, without counters.
using Lines = std::vector<std::string>;

/// The lines of a tool's output, without their indentation.
[[nodiscard]] Lines lines_of(std::string_view text);

struct OwnRules {
    enum class Place : std::uint8_t { nftables, iptables_nft, iptables_legacy };
    Place place;
    std::string backend;  // "nftables", "ip6tables-legacy", ...
    Lines lines;
};

struct OwnRulesFound {
    std::vector<OwnRules> found;
    std::vector<std::string> unknown;  // backends that could not be looked at, and why

    /// "14 lines in iptables-legacy, 14 lines in ip6tables-legacy"; empty when there are none.
    [[nodiscard]] std::string text() const;
    /// In how many places a packet of one version of IP meets them.
    [[nodiscard]] std::size_t places() const;
};

/// Asks every tool that is installed. A kernel that lacks what a tool needs has no rules of that tool.
[[nodiscard]] OwnRulesFound find_own_rules(const ToolTime& time);

/// The table inet finwaitd; no lines where there is none.
struct OwnTableListing {
    Lines lines;
    ToolResult result;

    /// Whether nft has looked.
    [[nodiscard]] bool known() const;
};
[[nodiscard]] OwnTableListing list_own_nft_table(const std::string& nft, const ToolTime& time);

}  // namespace finwait::netfilter
