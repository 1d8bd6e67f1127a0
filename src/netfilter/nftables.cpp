#include "netfilter/backend.hpp"

namespace finwait::netfilter::nftables {
namespace {

constexpr char kNotInstalled[] = "nft is not installed: install the package nftables";

Problem run(const std::string& transaction) {
    const auto nft = find_tool("nft");
    if (!nft) return kNotInstalled;
    const ToolResult result = run_tool({*nft, "-f", "-"}, transaction);
    if (result.ok()) return std::nullopt;
    return describe("nft", result);
}

}  // namespace

Problem install(RulePlan& plan, std::vector<std::string>& notes) {
    const Problem problem = run(render_nftables(plan));
    if (!problem || !plan.untracked) return problem;
    RulePlan without = plan;
    without.untracked = false;
    if (run(render_nftables(without))) return problem;  // it was not that
    notes.push_back(without_untracked(*problem));
    plan = without;
    return std::nullopt;
}

/// Adding what is there changes nothing, and a chain that is not hooked in queues nothing.
Problem silence() {
    std::string transaction = "add table inet finwaitd\n";
    for (const std::string chain : {"forward", "input", "output"})
        transaction.append("add chain inet finwaitd intercept_" + chain + "\n")
            .append("flush chain inet finwaitd intercept_" + chain + "\n");
    return run(transaction);
}

Problem remove() {
    return run("add table inet finwaitd\ndelete table inet finwaitd\n");
}

/// `-s`: without counters and the like.
Problem list(Lines& lines) {
    const auto nft = find_tool("nft");
    if (!nft) return kNotInstalled;
    const ToolResult listed = run_tool({*nft, "-s", "list", "table", "inet", "finwaitd"}, "");
    const bool none =
        listed.status == 1 && listed.errors.find("No such file or directory") != std::string::npos;
    if (!listed.ok() && !none) return describe("nft", listed);
    for (std::string& line : lines_of(listed.output))
        if (line != "}") lines.push_back(std::move(line));
    return std::nullopt;
}

Problem restore(const RulePlan& plan, bool anew) {
    const std::string rules = render_nftables(plan);
    const std::string_view removal = "delete table inet finwaitd\n";
    std::string gently = rules;
    gently.replace(gently.find(removal), removal.size(), "flush table inet finwaitd\n");
    if (!anew && !run(gently)) return std::nullopt;
    return run(rules);
}

}  // namespace finwait::netfilter::nftables
