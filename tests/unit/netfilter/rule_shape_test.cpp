// How many rules there are in each chain: as they are rendered, and as the tools list them.
#include "netfilter/rule_shape.hpp"

#include "netfilter/own_rules.hpp"
#include "support/own_namespace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finwait::netfilter {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(RuleShape, CountsTheRulesOfEachChainAndTheJumpsToThem) {
    EXPECT_THAT(iptables_shape({.packets = config::Packets::all}, false),
                ElementsAre(Pair("mangle FINWAITD", 1U), Pair("mangle FORWARD", 2U), Pair("raw FINWAITD", 2U),
                            Pair("raw OUTPUT", 1U)));
    EXPECT_THAT(nftables_shape({.packets = config::Packets::all}),
                ElementsAre(Pair("intercept_forward", 3U), Pair("own", 1U)));
}

TEST(RuleShape, NamesTheChainsThatLackRules) {
    const RuleShape expected = iptables_shape({}, false);
    EXPECT_FALSE(missing_rules(expected, expected).any());
    RuleShape found = expected;
    found["mangle FORWARD"] = 1;
    found.erase("raw OUTPUT");
    found["mangle INPUT"] = 3;
    const MissingRules missing = missing_rules(expected, found);
    EXPECT_EQ(missing.text, "1 of 2 in mangle FORWARD, 1 of 1 in raw OUTPUT");
    EXPECT_EQ(missing.rules, 2U);
}

TEST(RuleShape, IsTheSameForTheRulesThatIptablesListsOnceTheyAreInstalled) {
    FINWAIT_NEEDS_ROOT("installs firewall rules in a namespace of its own");
    for (const std::string variant :
         {"iptables-legacy", "ip6tables-legacy", "iptables-nft", "ip6tables-nft"}) {
        const auto restore = find_tool(variant + "-restore");
        if (!restore) continue;
        for (const config::Scope scope : {config::Scope::forward, config::Scope::local, config::Scope::both})
            for (const config::Packets packets : {config::Packets::selective, config::Packets::all})
                EXPECT_EQ(
                    test::in_own_namespace([&] {
                        const RulePlan plan{.packets = packets, .queues = 2, .scope = scope};
                        const ToolResult made = run_tool({*restore, "--noflush"}, render_iptables(plan));
                        ASSERT_TRUE(made.ok()) << variant << ": " << made.errors;
                        const OwnRulesFound own = find_own_rules(ToolTime(std::chrono::seconds(30)));
                        ASSERT_EQ(own.found.size(), 1U);
                        EXPECT_EQ(shape_of_iptables(own.found.front().lines),
                                  iptables_shape(plan, variant.starts_with("ip6")))
                            << variant;
                    }),
                    "");
    }
}

/// With "accept" in place of the queue, which not every kernel has.
TEST(RuleShape, IsTheSameForTheRulesThatNftListsOnceTheyAreInstalled) {
    FINWAIT_NEEDS_ROOT("installs firewall rules in a namespace of its own");
    const auto nft = find_tool("nft");
    if (!nft) GTEST_SKIP() << "needs nft";
    for (const config::Scope scope : {config::Scope::forward, config::Scope::local, config::Scope::both})
        EXPECT_EQ(test::in_own_namespace([&] {
                      const RulePlan plan{.queues = 2, .scope = scope};
                      std::string rules;
                      for (std::string line : lines_of(render_nftables(plan))) {
                          const std::size_t queue = line.find("queue flags bypass");
                          if (queue != std::string::npos) line = line.substr(0, queue) + "accept";
                          rules += line + '\n';
                      }
                      const ToolResult made = run_tool({*nft, "-f", "-"}, rules);
                      ASSERT_TRUE(made.ok()) << made.errors;
                      const OwnTableListing listing =
                          list_own_nft_table(*nft, ToolTime(std::chrono::seconds(30)));
                      EXPECT_EQ(shape_of_nftables(listing.lines), nftables_shape(plan));
                  }),
                  "");
}

}  // namespace
}  // namespace finwait::netfilter
