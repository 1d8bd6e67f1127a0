#include "netfilter/backend.hpp"

namespace finwait::netfilter::nftables {
namespace {

Problem run(const std::string& transaction) {
    const auto nft = find_tool("nft");
    if (!nft) return "nft is not installed: install the package nftables";
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

/// Adding a chain that is there changes nothing, and one that is not hooked in queues nothing.
Problem silence() {
    std::string transaction;
    for (const std::string chain : {"forward", "input", "output"})
        transaction.append("add chain inet finwaitd intercept_" + chain + "\n")
            .append("flush chain inet finwaitd intercept_" + chain + "\n");
    return run(transaction);
}

Problem remove() {
    return run("add table inet finwaitd\ndelete table inet finwaitd\n");
}

}  // namespace finwait::netfilter::nftables
