// The iptables programs of this machine, in all variants that are installed, and what stands in finwaitd's
// chains by each of them. The variants do not see each other's rules: iptables-nft keeps them in nf_tables,
// iptables-legacy in ip_tables, and a packet passes both.
#pragma once

#include "netfilter/process.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace finwait::netfilter {

/// One variant for one version of IP.
struct Xtables {
    std::string name;  // "ip6tables-legacy"
    std::string save;  // absolute paths
    std::string restore;
    bool v6 = false;
    bool legacy = false;

    /// "iptables" or "ip6tables".
    [[nodiscard]] std::string_view family() const { return v6 ? "ip6tables" : "iptables"; }
    /// Where the kernel keeps its rules, by whatever name it is called: "ip6tables-nft".
    [[nodiscard]] std::string place() const { return std::string(family()) + (legacy ? "-legacy" : "-nft"); }
};

/// finwaitd's chains, in any table.
inline constexpr std::string_view kOwnChain = "FINWAITD";
inline constexpr std::string_view kOwnOutputChain = "FINWAITD-OUT";

/// One for each place where the installed programs keep rules; those for IPv6 only where the kernel has IPv6.
[[nodiscard]] std::vector<Xtables> find_xtables();
/// What "iptables" or "ip6tables" stands for, by the name of its variant: who changes the alternative later
/// does not change what this calls.
[[nodiscard]] std::optional<Xtables> default_xtables(bool v6);
[[nodiscard]] bool kernel_has_ipv6();

/// The tables of iptables-legacy that finwaitd uses and that are loaded. To ask the kernel for another one
/// would load it, and even an empty table costs every packet something. Only root may read which are loaded;
/// for others these are the tables whose modules are.
[[nodiscard]] std::vector<std::string> loaded_tables(bool v6);

/// finwaitd's chains in one table, their rules, and the rules that jump to them, each as the command that
/// makes it ("-N FINWAITD", "-A FORWARD -p tcp -j FINWAITD").
struct OwnTable {
    std::string name;
    std::vector<std::string> lines;
};

/// Tables without anything of finwaitd's are left out; the tool's answer where it failed. Takes no lock, and
/// makes the kernel load no table.
[[nodiscard]] std::variant<std::vector<OwnTable>, ToolResult> own_tables(const Xtables& tool,
                                                                         const ToolTime& time);
/// Of the output of iptables-save.
[[nodiscard]] std::vector<OwnTable> parse_own_tables(std::string_view saved);

/// Whether a chain that finwaitd never uses jumps to a chain of its own, which can then not be removed.
[[nodiscard]] bool has_foreign_jump(const OwnTable& table);

/// The input of iptables-restore that takes all of finwaitd's out of a table: the jumps from the chains that
/// finwaitd puts them into, and its own chains.
[[nodiscard]] std::string removal_of(const OwnTable& table);

}  // namespace finwait::netfilter
