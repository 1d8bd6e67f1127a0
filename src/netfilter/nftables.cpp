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

Problem install(const RulePlan& plan) {
    return run(render_nftables(plan));
}

Problem silence() {
    return run("flush chain inet finwaitd intercept\n");
}

Problem remove() {
    return run("add table inet finwaitd\ndelete table inet finwaitd\n");
}

}  // namespace finwait::netfilter::nftables
