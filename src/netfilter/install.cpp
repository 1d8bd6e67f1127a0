#include "netfilter/backend.hpp"

#include <algorithm>
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

/// Rules of an earlier run that ended without cleaning up and used the other tool would queue every segment
/// twice. There is seldom anything to remove, and a tool that cannot run has left nothing.
void clear_others(RuleBackend installed) {
    if (installed == RuleBackend::nftables) {
        (void)iptables::remove();
    } else {
        (void)nftables::remove();
    }
}

}  // namespace

std::string_view name(RuleBackend b) {
    return b == RuleBackend::nftables ? "nftables" : "iptables";
}

/// Without the indentation.
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
                                                      std::vector<std::string>& notes, RuleError& error) {
    InstalledRules rules;
    RulePlan plan = wanted;
    rules.plan_ = plan;
    if (backend == config::Backend::none) return rules;

    Problem problem;
    if (backend != config::Backend::iptables) {
        problem = nftables::install(plan, notes);
        if (!problem) rules.backend_ = RuleBackend::nftables;
    }
    if (backend == config::Backend::iptables || (backend == config::Backend::automatic && problem)) {
        const Problem first = std::exchange(problem, iptables::install(plan, notes));
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
        return std::nullopt;
    }
    clear_others(*rules.backend_);
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
      problem_(std::move(other.problem_)),
      active_(std::exchange(other.active_, false)),
      plan_(other.plan_) {}

InstalledRules& InstalledRules::operator=(InstalledRules&& other) noexcept {
    if (this != &other) {
        remove();
        backend_ = other.backend_;
        problem_ = std::move(other.problem_);
        active_ = std::exchange(other.active_, false);
        plan_ = other.plan_;
    }
    return *this;
}

InstalledRules::~InstalledRules() {
    remove();
}

std::variant<std::vector<std::string>, RuleError> InstalledRules::list() const {
    Lines lines;
    const bool nft = backend_ == RuleBackend::nftables;
    const Problem problem = !active_ ? std::nullopt
                            : nft    ? nftables::list(lines)
                                     : iptables::list(plan_, lines);
    if (problem) return RuleError{*problem};
    return lines;
}

std::optional<RuleError> InstalledRules::restore(bool anew) const {
    if (!active_) return std::nullopt;
    const bool nft = backend_ == RuleBackend::nftables;
    const Problem problem = nft ? nftables::restore(plan_, anew) : iptables::restore(plan_);
    if (problem) return RuleError{*problem};
    return std::nullopt;
}

void InstalledRules::silence() {
    if (!active_) return;
    problem_ = backend_ == RuleBackend::nftables ? nftables::silence() : iptables::silence();
}

void InstalledRules::remove() {
    if (!std::exchange(active_, false)) return;
    const bool nft = backend_ == RuleBackend::nftables;
    problem_ = nft ? nftables::remove() : iptables::remove();
    if (!problem_) return;
    *problem_ +=
        nft ? "; by hand: nft delete table inet finwaitd"
            : "; by hand, for iptables and ip6tables, in the tables mangle, filter, security and "
              "raw: delete the rules that jump to FINWAITD and FINWAITD-OUT (-S lists them), then -F "
              "and -X both";
}

}  // namespace finwait::netfilter
