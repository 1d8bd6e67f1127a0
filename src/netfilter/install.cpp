#include "netfilter/backend.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace finwait::netfilter {
namespace {

/// What an operator can do about it, by what the tools are known to say.
std::string_view advice(std::string_view said) {
    const auto says = [said](std::string_view words) { return said.find(words) != std::string_view::npos; };
    if (says("ermission denied") || says("not permitted")) return "finwaitd needs CAP_NET_ADMIN";
    if (says("Could not process rule: No such file or directory") ||
        says("Could not process rule: Not supported")) {
        return "this kernel lacks nftables' queue (try: modprobe nft_queue), or set intercept.backend = "
               "\"iptables\"";
    }
    if (says("No chain/target/match by that name") || says("does not exist") ||
        says("missing kernel module") || says("not supported") || says("RULE_APPEND failed")) {
        return "this kernel lacks a module: try modprobe -a xt_NFQUEUE xt_connmark xt_mark xt_owner xt_CT, "
               "with iptables-nft nft_compat, with iptables-legacy iptable_mangle ip6table_mangle, and for "
               "scope \"local\" xt_addrtype iptable_security ip6table_security";
    }
    if (says("did not end within") || says("xtables lock")) {
        return "another program may hold the firewall's lock: try again";
    }
    return {};
}

/// What the tool means: nft goes on quoting every line that it does not like, iptables starts with warnings
/// about its other variant, and iptables-restore has the reason on its second line.
std::string essence(std::string_view said) {
    std::string text;
    while (!said.empty() && text.size() < 300) {
        const std::size_t end = std::min(said.find('\n'), said.size());
        std::string_view line = said.substr(0, end);
        said.remove_prefix(std::min(end + 1, said.size()));
        while (line.ends_with(' '))
            line.remove_suffix(1);
        if (line.empty() || line.starts_with("# Warning")) continue;
        text += line;
        if (!text.ends_with(':')) break;
        text += ' ';
    }
    return text;
}

constexpr std::chrono::seconds kUndoPatience(15);
constexpr std::chrono::seconds kLookPatience(5);

/// Rules of an earlier run that ended without cleaning up, whatever tool it used, and those of this one.
struct ClearedEverywhere {
    Cleared nftables;
    Cleared iptables;

    [[nodiscard]] Problem left() const {
        if (nftables.left && iptables.left) return *nftables.left + "; " + *iptables.left;
        return nftables.left ? nftables.left : iptables.left;
    }
    [[nodiscard]] std::vector<std::string> unknown() const {
        std::vector<std::string> all = nftables.unknown;
        std::ranges::copy(iptables.unknown, std::back_inserter(all));
        return all;
    }
};

ClearedEverywhere clear_everywhere(const ToolTime& time) {
    return {nftables::remove(time), iptables::remove_all(time)};
}

/// What is left, and how an operator can remove it. Where nothing can be listed, it is what `ours` has
/// installed.
std::string by_hand(std::optional<RuleBackend> ours, const ToolTime& time) {
    const OwnRulesFound found = find_own_rules(time);
    const auto is_nft = [](const OwnRules& rules) { return rules.place == OwnRules::Place::nftables; };
    const bool nothing = found.found.empty();
    const bool nft = nothing ? ours == RuleBackend::nftables : std::ranges::any_of(found.found, is_nft);
    const bool iptables = nothing ? ours == RuleBackend::iptables : !std::ranges::all_of(found.found, is_nft);
    std::string text = nothing ? std::string() : "; left: " + found.text();
    for (const std::string& backend : found.unknown)
        text += "; " + backend;
    if (nft) text += "; by hand: nft delete table inet finwaitd";
    if (iptables)
        text +=
            "; by hand, by each of these tools, in the tables mangle, filter, security and raw: delete the "
            "rules that jump to FINWAITD and FINWAITD-OUT (-S lists them), then -F and -X both";
    return text;
}

}  // namespace

std::string_view name(RuleBackend b) {
    return b == RuleBackend::nftables ? "nftables" : "iptables";
}

std::string describe(std::string_view tool, const ToolResult& result) {
    std::string text(tool);
    text += ": ";
    const std::string said = essence(result.errors);
    text += said.empty() ? "failed with status " + std::to_string(result.status.value_or(-1)) : said;
    if (const auto what = advice(result.errors); !what.empty()) text.append("; ").append(what);
    return text;
}

std::string without_untracked(const std::string& problem) {
    return "what finwaitd sends passes through conntrack, for it cannot be kept from it (" + problem +
           "): flows behind NAT are asked and reset by the addresses of the forward hook, which their ends "
           "may "
           "not know";
}

std::optional<InstalledRules> InstalledRules::install(const RulePlan& wanted, config::Backend backend,
                                                      std::vector<std::string>& notes, RuleError& error,
                                                      const ToolTime& time) {
    InstalledRules rules;
    RulePlan plan = wanted;
    rules.plan_ = plan;
    if (backend == config::Backend::none) return rules;

    const ClearedEverywhere cleared = clear_everywhere(time);
    for (const std::string& unknown : time.interrupted() ? std::vector<std::string>() : cleared.unknown())
        notes.push_back("finwaitd does not know whether an earlier run has left rules: " + unknown);
    Problem problem = cleared.left();
    const bool clean = !problem;
    if (clean && backend != config::Backend::iptables) {
        // An nft that hangs is not tried again.
        problem = cleared.nftables.unknown.empty() ? nftables::install(plan, notes, time)
                                                   : cleared.nftables.unknown.front();
        if (!problem) rules.backend_ = RuleBackend::nftables;
    }
    if (clean &&
        (backend == config::Backend::iptables || (backend == config::Backend::automatic && problem))) {
        rules.families_ = iptables::find_families();
        const Problem first = std::exchange(problem, iptables::install(rules.families_, plan, notes, time));
        if (!problem) {
            rules.backend_ = RuleBackend::iptables;
            if (first) notes.push_back("nftables cannot be used, iptables is used instead (" + *first + ")");
        } else if (first) {
            problem = *first + "; " + *problem;
        }
    }
    if (problem) {
        error.message =
            "cannot install the firewall rules: " + *problem +
            "; or install them yourself (finwaitctl rules prints them) and set intercept.backend = \"none\"";
        error.left = clear_everywhere(time.to_clean_up(kUndoPatience)).left().has_value();
        if (error.left) error.message += by_hand(std::nullopt, time.to_clean_up(kLookPatience));
        return std::nullopt;
    }
    if (rules.backend_ == RuleBackend::iptables && plan.spread == config::Spread::ports && plan.queues > 1)
        notes.emplace_back(
            "iptables spreads packets over queues by addresses only: intercept.spread = \"ports\" needs "
            "nftables");
    rules.active_ = true;
    rules.plan_ = plan;
    return rules;
}

InstalledRules::InstalledRules(InstalledRules&& other) noexcept
    : backend_(other.backend_),
      families_(std::move(other.families_)),
      problem_(std::move(other.problem_)),
      unknown_(std::move(other.unknown_)),
      active_(std::exchange(other.active_, false)),
      plan_(other.plan_) {}

InstalledRules& InstalledRules::operator=(InstalledRules&& other) noexcept {
    if (this != &other) {
        remove();
        backend_ = other.backend_;
        families_ = std::move(other.families_);
        problem_ = std::move(other.problem_);
        unknown_ = std::move(other.unknown_);
        active_ = std::exchange(other.active_, false);
        plan_ = other.plan_;
    }
    return *this;
}

InstalledRules::~InstalledRules() {
    remove();
}

std::variant<std::vector<std::string>, RuleError> InstalledRules::list(const ToolTime& time) const {
    Lines lines;
    const bool nft = backend_ == RuleBackend::nftables;
    const Problem problem = !active_ ? std::nullopt
                            : nft    ? nftables::list(lines, time)
                                     : iptables::list(families_, lines, time);
    if (problem) return RuleError{*problem};
    return lines;
}

std::optional<RuleError> InstalledRules::restore(bool anew, const ToolTime& time) const {
    if (!active_) return std::nullopt;
    const bool nft = backend_ == RuleBackend::nftables;
    const Problem problem =
        nft ? nftables::restore(plan_, anew, time) : iptables::restore(families_, plan_, time);
    if (problem) return RuleError{*problem};
    return std::nullopt;
}

/// A backend that gives no answer is a problem where it is ours.
void InstalledRules::remove(const ToolTime& time) {
    if (!std::exchange(active_, false)) return;
    const ClearedEverywhere cleared = clear_everywhere(time);
    const Cleared& ours = backend_ == RuleBackend::nftables ? cleared.nftables : cleared.iptables;
    problem_ = cleared.left();
    if (!problem_ && !ours.unknown.empty()) problem_ = ours.unknown.front();
    unknown_ = cleared.unknown();
    if (!problem_) return;
    problem_ = "finwaitd's firewall rules could not be removed: " + *problem_ +
               by_hand(backend_, time.to_clean_up(kLookPatience));
}

}  // namespace finwait::netfilter
