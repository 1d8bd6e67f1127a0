#include "netfilter/backend.hpp"
#include "netfilter/rule_shape.hpp"

#include <utility>

namespace finwait::netfilter::nftables {
namespace {

constexpr char kNotInstalled[] = "nft is not installed: install the package nftables";

/// What went wrong, and whether nft has said so itself.
struct Failure {
    std::string text;
    bool answered = false;
};

std::optional<Failure> run(const std::string& transaction, const ToolTime& time) {
    const auto nft = find_tool("nft");
    if (!nft) return Failure{kNotInstalled};
    const ToolResult result = run_tool({*nft, "-f", "-"}, transaction, time);
    if (result.ok()) return std::nullopt;
    return Failure{describe("nft", result), result.status.has_value()};
}

Problem problem_of(std::optional<Failure> failure) {
    if (!failure) return std::nullopt;
    return std::move(failure->text);
}

/// What is not there although nft has reported success. Rules that cannot be listed count as there.
Problem find_absent(const RulePlan& plan, const ToolTime& time) {
    Lines lines;
    if (list(lines, time)) return std::nullopt;
    const MissingRules missing = missing_rules(nftables_shape(plan), shape_of_nftables(lines));
    if (!missing.any()) return std::nullopt;
    return "nft: reported success, but rules are missing: " + missing.text;
}

}  // namespace

Problem install(RulePlan& plan, std::vector<std::string>& notes, const ToolTime& time) {
    std::optional<Failure> failure = run(render_nftables(plan), time);
    if (failure && failure->answered && plan.untracked) {
        RulePlan without = plan;
        without.untracked = false;
        if (run(render_nftables(without), time)) return failure->text;  // it was not that
        notes.push_back(without_untracked(failure->text));
        plan = without;
        failure.reset();
    }
    if (failure) return problem_of(std::move(failure));
    return find_absent(plan, time);
}

/// Looks first: a kernel without nftables has no table, and one that has is not told of a change.
Removal remove(const ToolTime& time) {
    const auto nft = find_tool("nft");
    if (!nft) return {};
    const OwnTableListing before = list_own_nft_table(*nft, time);
    if (!before.known()) return netfilter::unseen(before.result, describe("nft", before.result));
    if (before.lines.empty()) return {};
    if (auto failure = run("add table inet finwaitd\ndelete table inet finwaitd\n", time))
        return {.outcome = Removal::Outcome::left, .why = std::move(failure->text), .found = true};
    const OwnTableListing after = list_own_nft_table(*nft, time);
    Removal removal;
    if (!after.known())
        removal = netfilter::unseen(after.result, describe("nft", after.result));
    else if (!after.lines.empty())
        removal = {.outcome = Removal::Outcome::left,
                   .why = "nft: reported success and has not removed the table inet finwaitd",
                   .claimed = true};
    removal.found = true;
    return removal;
}

Problem list(Lines& lines, const ToolTime& time) {
    const auto nft = find_tool("nft");
    if (!nft) return kNotInstalled;
    OwnTableListing listing = list_own_nft_table(*nft, time);
    if (!listing.known()) return describe("nft", listing.result);
    lines = std::move(listing.lines);
    return std::nullopt;
}

Problem restore(const RulePlan& plan, bool anew, const ToolTime& time) {
    const std::string rules = render_nftables(plan);
    const std::string_view removal = "delete table inet finwaitd\n";
    std::string gently = rules;
    gently.replace(gently.find(removal), removal.size(), "flush table inet finwaitd\n");
    if (!anew && !run(gently, time)) return std::nullopt;
    return problem_of(run(rules, time));
}

}  // namespace finwait::netfilter::nftables
