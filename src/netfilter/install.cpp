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

constexpr char kNftables[] = "nftables";

/// For how long a removal at the start is tried again.
constexpr std::chrono::seconds kStartRetries(5);

/// Removes rules of an earlier run that ended without cleaning up, whatever tool it used, and those of this
/// one.
RemovedEverywhere remove_everywhere(const Places& used, const ToolTime& time,
                                    std::chrono::milliseconds retries) {
    std::vector<Backend> backends;
    if (find_tool("nft")) backends.push_back({kNftables, &nftables::remove});
    for (Xtables& tool : find_xtables()) {
        std::string place = tool.place();
        backends.push_back({std::move(place), [tool = std::move(tool)](const ToolTime& t) {
                                return iptables::remove(tool, t);
                            }});
    }
    return remove_from(backends, used, time, retries);
}

/// Where there are rules of ours now. After an installation that `failed` there are none where the kernel
/// lacks what the tool needs.
Places places_of(const iptables::Families& families, bool failed, const ToolTime& time) {
    Places places;
    for (const Xtables& tool : families) {
        const auto answer = failed ? own_tables(tool, time) : std::vector<OwnTable>();
        const auto* refusal = std::get_if<ToolResult>(&answer);
        if (refusal == nullptr || !refusal->unsupported()) places.insert(tool.place());
    }
    return places;
}

/// Whether the next removal has to look there again.
bool leaves_rules(const Removal& removal) {
    return removal.outcome == Removal::Outcome::left || removal.outcome == Removal::Outcome::unseen;
}

/// What is left, and how an operator can remove it. Where nothing can be listed, it is what `ours` has
/// installed.
std::string by_hand(const std::string& problem, std::optional<RuleBackend> ours, const ToolTime& time) {
    const OwnRulesFound found = find_own_rules(time);
    const auto is_nft = [](const OwnRules& rules) { return rules.place == OwnRules::Place::nftables; };
    const bool nothing = found.found.empty();
    const bool nft = nothing ? ours == RuleBackend::nftables : std::ranges::any_of(found.found, is_nft);
    const bool iptables = nothing ? ours == RuleBackend::iptables : !std::ranges::all_of(found.found, is_nft);
    std::string text = nothing ? std::string() : "; left: " + found.text();
    for (const std::string& backend : found.unknown)
        if (problem.find(backend.substr(0, backend.find_first_of(": "))) == std::string::npos)
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

    RemovedEverywhere removed = remove_everywhere({}, time, kStartRetries);
    for (const auto& [place, why] : removed.unseen)
        if (!time.interrupted())
            notes.push_back("finwaitd does not know whether an earlier run has left rules in " + place +
                            ": " + why);
    rules.used_ = std::move(removed.used);
    Problem problem = removed.left;
    const bool clean = !problem;
    if (clean && backend != config::Backend::iptables) {
        // An nft that hangs is not tried again.
        const auto unseen = removed.unseen.find(kNftables);
        const bool tried = unseen == removed.unseen.end();
        problem = tried ? nftables::install(plan, notes, time) : unseen->second;
        if (!problem) rules.backend_ = RuleBackend::nftables;
        if (!problem || (tried && leaves_rules(nftables::remove(time.to_clean_up(kToolLimit)))))
            rules.used_.insert(kNftables);
    }
    if (clean &&
        (backend == config::Backend::iptables || (backend == config::Backend::automatic && problem))) {
        rules.families_ = iptables::find_families();
        const Problem first = std::exchange(problem, iptables::install(rules.families_, plan, notes, time));
        rules.used_.merge(places_of(rules.families_, problem.has_value(), time));
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
        error.left =
            remove_everywhere(rules.used_, time.to_clean_up(kUndoPatience), kStartRetries).left.has_value();
        if (error.left)
            error.message += by_hand(error.message, std::nullopt, time.to_clean_up(kLookPatience));
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
      used_(std::move(other.used_)),
      problem_(std::move(other.problem_)),
      unknown_(std::move(other.unknown_)),
      active_(std::exchange(other.active_, false)),
      plan_(other.plan_) {}

InstalledRules& InstalledRules::operator=(InstalledRules&& other) noexcept {
    if (this != &other) {
        remove();
        backend_ = other.backend_;
        families_ = std::move(other.families_);
        used_ = std::move(other.used_);
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

void InstalledRules::remove(const ToolTime& time) {
    if (!std::exchange(active_, false)) return;
    RemovedEverywhere removed = remove_everywhere(used_, time, time.left());
    problem_ = std::move(removed.left);
    unknown_.clear();
    for (const auto& [place, why] : removed.unseen)
        unknown_.push_back("finwaitd does not know whether rules are left in " + place + ": " + why);
    if (!problem_) return;
    problem_ = "finwaitd's firewall rules could not be removed: " + *problem_ +
               by_hand(*problem_, backend_, time.to_clean_up(kLookPatience));
}

}  // namespace finwait::netfilter
