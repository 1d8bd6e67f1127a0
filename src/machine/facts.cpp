#include "machine/facts.hpp"

#include "netfilter/process.hpp"
#include "netfilter/xtables.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include <nlohmann/json.hpp>

namespace finwait::machine {
namespace {

namespace fs = std::filesystem;

/// What the tools may take together, each of which may hang.
constexpr std::chrono::seconds kPatience(30);

std::optional<std::uint64_t> number_in(const fs::path& file) {
    std::ifstream in(file);
    std::uint64_t value = 0;
    if (in >> value) return value;
    return std::nullopt;
}

std::optional<Duration> seconds_in(const fs::path& file) {
    const auto value = number_in(file);
    if (!value) return std::nullopt;
    return std::chrono::seconds(*value);
}

std::optional<bool> switch_in(const fs::path& file) {
    const auto value = number_in(file);
    if (!value) return std::nullopt;
    return *value != 0;
}

/// Of each line.
std::vector<std::uint64_t> first_numbers(const fs::path& file) {
    std::ifstream in(file);
    std::vector<std::uint64_t> numbers;
    for (std::string line; std::getline(in, line);) {
        std::uint64_t number = 0;
        if (std::istringstream(line) >> number) numbers.push_back(number);
    }
    return numbers;
}

/// What a tool prints; empty when it is missing or fails.
std::optional<std::string> output_of(const char* tool, std::vector<std::string> arguments,
                                     const netfilter::ToolTime& time) {
    const auto path = netfilter::find_tool(tool);
    if (!path) return std::nullopt;
    arguments.insert(arguments.begin(), *path);
    netfilter::ToolResult result = netfilter::run_tool(arguments, "", time);
    if (!result.ok()) return std::nullopt;
    return std::move(result.output);
}

/// Without -t, iptables-save makes the kernel load no table.
RuleListing list_rules(const netfilter::ToolTime& time) {
    RuleListing listing;
    const auto ask = [&](const std::string& tool, std::vector<std::string> arguments) {
        const auto path = netfilter::find_tool(tool);
        if (!path) return;
        arguments.insert(arguments.begin(), *path);
        netfilter::ToolResult result = netfilter::run_tool(arguments, "", time);
        if (auto silent = netfilter::not_listed(tool, result)) listing.silent.push_back(std::move(*silent));
        if (result.ok()) listing.texts.push_back(std::move(result.output));
    };
    ask("nft", {"list", "ruleset"});
    ask("iptables-save", {});
    ask("ip6tables-save", {});
    if (listing.texts.empty() && listing.silent.empty())
        listing.silent.emplace_back("neither nft nor iptables has listed its rules");
    return listing;
}

RulesFound find_in(const RuleListing& listing, std::vector<std::string> (*parse)(const std::string&)) {
    RulesFound found{{}, listing.silent};
    for (const std::string& text : listing.texts)
        std::ranges::move(parse(text), std::back_inserter(found.rules));
    return found;
}

/// Connections that SYNPROXY has opened, of all processors: the column "cookie_valid" (nf_synproxy_core.c). 0
/// where the kernel has no SYNPROXY.
std::uint64_t synproxied(const fs::path& file) {
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);  // the columns' names
    std::uint64_t sum = 0;
    while (std::getline(in, line)) {
        std::istringstream columns(line);
        std::uint64_t entries = 0, syns = 0, invalid = 0, valid = 0;
        if (columns >> std::hex >> entries >> syns >> invalid >> valid) sum += valid;
    }
    return sum;
}

/// A rule that queues, tried and not made: some kernels have nftables and lack its queue.
constexpr char kTrialRules[] =
    "add table inet finwaitd_trial\n"
    "add chain inet finwaitd_trial forward { type filter hook forward priority mangle; }\n"
    "add rule inet finwaitd_trial forward queue num 0 bypass\n";

/// Whether nft can make such a rule.
void try_nft(const netfilter::ToolTime& time, Facts& facts) {
    const auto nft = netfilter::find_tool("nft");
    if (!nft) return;
    const netfilter::ToolResult result = netfilter::run_tool({*nft, "--check", "-f", "-"}, kTrialRules, time);
    facts.nft_silent = netfilter::no_answer("nft", result).value_or("");
    if (result.ok() || !facts.nft_silent.empty()) return;
    const std::string line = result.errors.substr(0, result.errors.find('\n'));
    const std::size_t said = line.find("Error: ");  // behind the place in the input
    facts.nft_problem = said == std::string::npos ? line : line.substr(said);
}

}  // namespace

Facts read_proc(const fs::path& proc) {
    const fs::path net = proc / "sys/net";
    const std::string timeout = "netfilter/nf_conntrack_tcp_timeout_";
    Facts facts;
    facts.fin_wait = seconds_in(net / (timeout + "fin_wait"));
    facts.close_wait = seconds_in(net / (timeout + "close_wait"));
    facts.last_ack = seconds_in(net / (timeout + "last_ack"));
    facts.conntrack_max = number_in(net / "netfilter/nf_conntrack_max");
    facts.forwarding_v4 = switch_in(net / "ipv4/ip_forward");
    facts.forwarding_v6 = switch_in(net / "ipv6/conf/all/forwarding");
    facts.bridge_calls_iptables = switch_in(net / "bridge/bridge-nf-call-iptables");
    facts.synproxied = synproxied(proc / "net/stat/synproxy");
    facts.queue = fs::exists(proc / "net/netfilter/nfnetlink_queue");
    facts.bound_queues = first_numbers(proc / "net/netfilter/nfnetlink_queue");
    return facts;
}

Facts gather() {
    Facts facts = read_proc();
    facts.nft = netfilter::find_tool("nft").has_value();
    facts.iptables = netfilter::find_tool("iptables").has_value();
    facts.ip6tables = netfilter::kernel_has_ipv6() && netfilter::find_tool("ip6tables").has_value();
    facts.detours = scan_detours();
    const netfilter::ToolTime time(kPatience);
    try_nft(time, facts);
    facts.own_rules = netfilter::find_own_rules(time);
    if (const auto json = output_of("nft", {"-j", "list", "flowtables"}, time))
        facts.flowtables = parse_flowtables(*json);
    const RuleListing listing = list_rules(time);
    facts.mark_copies = find_in(listing, &parse_mark_copies);
    facts.tracking = find_in(listing, &parse_tracking);
    facts.untracked = find_in(listing, &parse_untracked);
    facts.synproxies = find_in(listing, &parse_synproxies);
    facts.helpers = find_in(listing, &parse_helpers);
    return facts;
}

std::optional<std::vector<std::string>> parse_flowtables(const std::string& text) {
    const nlohmann::json root = nlohmann::json::parse(text, nullptr, false);
    if (!root.is_object() || !root.contains("nftables") || !root["nftables"].is_array()) return std::nullopt;
    std::vector<std::string> names;
    for (const nlohmann::json& entry : root["nftables"]) {
        if (!entry.is_object() || !entry.contains("flowtable") || !entry["flowtable"].is_object()) continue;
        const nlohmann::json& table = entry["flowtable"];
        const auto word = [&table](const char* key) {
            return table.contains(key) && table[key].is_string() ? table[key].get<std::string>()
                                                                 : std::string("?");
        };
        names.push_back(word("family") + " " + word("table") + " " + word("name"));
    }
    return names;
}

std::vector<std::string> parse_untracked(const std::string& rules) {
    std::vector<std::string> found;
    std::istringstream lines(rules);
    bool own_table = false;  // within ours, as nft lists it
    bool own_chain = false;  // within one of ours in a table that iptables has made
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("table ")) own_table = line.starts_with("table inet finwaitd");
        if (line.starts_with("\tchain ")) own_chain = line.starts_with("\tchain FINWAITD");
        const bool untracks = line.find("notrack") != line.npos || line.find("NOTRACK") != line.npos;
        if (!untracks || own_table || own_chain || line.find("FINWAITD") != line.npos) continue;
        const std::size_t first = line.find_first_not_of(" \t");
        found.push_back(line.substr(first));
    }
    return found;
}

namespace {

/// The rules that have one of these words.
std::vector<std::string> rules_with(const std::string& rules, std::initializer_list<std::string_view> words) {
    std::vector<std::string> found;
    std::istringstream lines(rules);
    for (std::string line; std::getline(lines, line);) {
        const bool other =
            line.ends_with("{") || line.starts_with(":") || line.starts_with("#");  // a chain, an object
        const auto has = [&line](std::string_view word) { return line.find(word) != line.npos; };
        if (!other && std::ranges::any_of(words, has))
            found.push_back(line.substr(line.find_first_not_of(" \t")));
    }
    return found;
}

}  // namespace

std::vector<std::string> parse_synproxies(const std::string& rules) {
    return rules_with(rules, {"synproxy", "SYNPROXY"});
}

std::vector<std::string> parse_helpers(const std::string& rules) {
    return rules_with(rules, {"ct helper set", "-j CT --helper"});
}

namespace {

/// The first number behind a word, all bits where there is none.
std::uint32_t bits_behind(const std::string& rule, std::string_view word) {
    const std::size_t at = rule.find(word);
    if (at == rule.npos) return UINT32_MAX;
    return static_cast<std::uint32_t>(std::strtoul(rule.c_str() + at + word.size(), nullptr, 0));
}

}  // namespace

std::vector<std::string> parse_mark_copies(const std::string& rules) {
    std::vector<std::string> found;
    std::istringstream lines(rules);
    bool own = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("table ")) own = line.starts_with("table inet finwaitd");
        const bool copies =
            line.find("--restore-mark") != line.npos || line.find("--save-mark") != line.npos ||
            line.find("meta mark set ct mark") != line.npos ||
            line.find("ct mark set meta mark") != line.npos || line.find("ct mark set mark") != line.npos;
        if (copies && !own) found.push_back(line.substr(line.find_first_not_of(" \t")));
    }
    return found;
}

bool copies_bits(const std::string& rule, std::uint32_t bits) {
    // What is restored is kept out of packets by the mask for packets, what is saved by the one for
    // connections.
    if (rule.find("--restore-mark") != rule.npos) return (bits_behind(rule, "--nfmask ") & bits) != 0;
    if (rule.find("--save-mark") != rule.npos) return (bits_behind(rule, "--ctmask ") & bits) != 0;
    const std::string copied = rule.substr(std::min(rule.find(" mark set "), rule.size()));
    // nft says "and" for rules that iptables has made.
    return (bits_behind(copied, "mark & ") & bits_behind(copied, "mark and ") & bits) != 0;
}

RulesFound find_mark_copies(const netfilter::ToolTime& time) {
    return find_in(list_rules(time), &parse_mark_copies);
}

/// Each of these takes conntrack into use (nf_ct_netns_get(), net/netfilter/nf_conntrack_proto.c). NOTRACK
/// does not.
std::vector<std::string> parse_tracking(const std::string& rules) {
    constexpr std::array kUsers = {
        // nftables
        " ct ", "masquerade", "snat ", "dnat ", "redirect", "synproxy", "flow add",
        // iptables
        "-m conntrack", "-m state", "-m conn", "-m helper", "-j CONN", "-j MASQUERADE", "-j SNAT", "-j DNAT",
        "-j REDIRECT", "-j NETMAP", "-j SYNPROXY",
        // rules of iptables, as nft lists them
        "xt match \"conn", "xt match \"state\"", "xt target \"CONN", "xt target \"MASQUERADE\"",
        "xt target \"SNAT\"", "xt target \"DNAT\"", "xt target \"REDIRECT\""};
    std::vector<std::string> found;
    std::istringstream lines(rules);
    bool own_table = false;
    bool own_chain = false;
    for (std::string line; std::getline(lines, line);) {
        const bool opens = line.ends_with("{");
        if (line.starts_with("table ")) own_table = line.starts_with("table inet finwaitd");
        if (opens) own_chain = line.find("chain FINWAITD") != line.npos;
        const bool own = own_table || own_chain || line.find("FINWAITD") != line.npos;
        if (own || opens || line.starts_with("#")) continue;
        const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
        const std::string padded = ' ' + line.substr(begin);
        const auto uses = [&padded](std::string_view word) { return padded.find(word) != padded.npos; };
        if (std::ranges::any_of(kUsers, uses)) found.push_back(line.substr(begin));
    }
    return found;
}

RulesFound find_tracking(const netfilter::ToolTime& time) {
    return find_in(list_rules(time), &parse_tracking);
}

}  // namespace finwait::machine
