#include "netfilter/backend.hpp"

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

}  // namespace

Problem install(RulePlan& plan, std::vector<std::string>& notes, const ToolTime& time) {
    std::optional<Failure> failure = run(render_nftables(plan), time);
    if (failure && failure->answered && plan.untracked) {
        RulePlan without = plan;
        without.untracked = false;
        if (run(render_nftables(without), time)) return failure->text;  // it was not that
        notes.push_back(without_untracked(failure->text));
        plan = without;
        return std::nullopt;
    }
    // Who gave no answer may have done it all the same.
    if (failure && !failure->answered) (void)remove(time.to_clean_up(kToolLimit));
    return problem_of(std::move(failure));
}

/// Looks first: a kernel without nftables has no table, and one that has is not told of a change.
Cleared remove(const ToolTime& time) {
    const auto nft = find_tool("nft");
    if (!nft) return {};
    const OwnTableListing listing = list_own_nft_table(*nft, time);
    if (!listing.result.status) return {{}, {describe("nft", listing.result)}};
    if (listing.lines.empty()) return {};
    return {problem_of(run("add table inet finwaitd\ndelete table inet finwaitd\n", time)), {}};
}

Problem list(Lines& lines, const ToolTime& time) {
    const auto nft = find_tool("nft");
    if (!nft) return kNotInstalled;
    OwnTableListing listing = list_own_nft_table(*nft, time);
    const ToolResult& result = listing.result;
    const bool none =
        result.status == 1 && result.errors.find("No such file or directory") != std::string::npos;
    if (!result.ok() && !none) return describe("nft", result);
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
