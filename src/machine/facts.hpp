// What this machine is set to, as far as it matters to finwaitd: read from /proc and asked of nft and
// iptables.
#pragma once

#include "machine/detours.hpp"
#include "netfilter/own_rules.hpp"
#include "tcp/time.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace finwait::machine {

/// Rules as the tools list them, each tool's as one text.
struct RuleListing {
    std::vector<std::string> texts;
    std::vector<std::string> silent;  // the tools that gave no answer, and why: "nft needs root"
};

/// The rules of one kind in a listing.
struct RulesFound {
    std::vector<std::string> rules = {};
    std::vector<std::string> silent = {};  // the tools that may have more, and why they gave no answer
};

/// Empty where the kernel, or this user's rights, do not tell.
struct Facts {
    // net.netfilter.nf_conntrack_tcp_timeout_*: how long conntrack remembers a silent connection in that
    // state
    std::optional<Duration> fin_wait;
    std::optional<Duration> close_wait;
    std::optional<Duration> last_ack;
    std::optional<std::uint64_t> conntrack_max;
    std::optional<bool> forwarding_v4;
    std::optional<bool> forwarding_v6;
    std::optional<bool> bridge_calls_iptables;  // br_netfilter hands bridged packets to iptables
    bool queue = false;                         // NFQUEUE is there
    std::vector<std::uint64_t> bound_queues;    // by some program; only root is told
    netfilter::OwnRulesFound own_rules;         // in any backend
    bool nft = false;                           // the programs
    bool iptables = false;
    bool ip6tables = false;   // and this kernel has IPv6
    std::string nft_problem;  // why nft cannot queue packets in this kernel; empty where it can
    std::string nft_silent;   // why nft has not said whether it can; empty where it has
    std::optional<std::vector<std::string>> flowtables;  // "inet filter ft"
    RulesFound untracked;                                // rules that keep connections from conntrack
    RulesFound mark_copies;           // rules that copy marks between packet and connection
    std::optional<Detours> detours;   // what is left alone because of routing
    RulesFound synproxies;            // rules that let SYNPROXY open connections
    RulesFound tracking;              // rules that make conntrack track
    std::uint64_t synproxied = 0;     // connections that SYNPROXY has opened since the kernel started
    RulesFound helpers;               // rules that give connections a helper, which may rewrite what they say
    std::uint64_t rules_missing = 0;  // firewall rules that the running finwaitd knows to be missing
};

/// The files below `proc`, as a rule /proc.
[[nodiscard]] Facts read_proc(const std::filesystem::path& proc = "/proc");
/// Also asks the tools, which need root to answer.
[[nodiscard]] Facts gather();

/// The names of the flowtables in the output of `nft -j list flowtables`; empty when it is not that.
[[nodiscard]] std::optional<std::vector<std::string>> parse_flowtables(const std::string& json);
/// The rules in the same that copy a packet's mark to its connection's or back.
[[nodiscard]] std::vector<std::string> parse_mark_copies(const std::string& rules);
/// Whether such a rule copies any of these bits.
[[nodiscard]] bool copies_bits(const std::string& rule, std::uint32_t bits);
/// Asks the tools for the former, as far as there is time.
[[nodiscard]] RulesFound find_mark_copies(
    const netfilter::ToolTime& time = netfilter::ToolTime(std::chrono::seconds(30)));
/// The rules in the same that make conntrack track connections, but for finwaitd's own.
[[nodiscard]] std::vector<std::string> parse_tracking(const std::string& rules);
/// Asks the tools for the former, as far as there is time.
[[nodiscard]] RulesFound find_tracking(
    const netfilter::ToolTime& time = netfilter::ToolTime(std::chrono::seconds(30)));
/// The rules in the output of `iptables-save` or `nft list ruleset` that say NOTRACK, but for finwaitd's own.
[[nodiscard]] std::vector<std::string> parse_untracked(const std::string& rules);
/// The rules in the output of `iptables-save` or `nft list ruleset` that use SYNPROXY.
[[nodiscard]] std::vector<std::string> parse_synproxies(const std::string& rules);
/// The rules in the same that give connections a helper, such as that for FTP.
[[nodiscard]] std::vector<std::string> parse_helpers(const std::string& rules);

}  // namespace finwait::machine
