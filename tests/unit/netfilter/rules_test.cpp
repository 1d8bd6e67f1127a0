// Installing and removing rules with the system's own tools, in a namespace of its own.
#include "netfilter/rules.hpp"

#include "netfilter/own_rules.hpp"
#include "netfilter/process.hpp"
#include "support/own_namespace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finwait::netfilter {
namespace {

using testing::HasSubstr;

std::string run(std::vector<std::string> command, std::string_view input = "") {
    const auto tool = find_tool(command[0]);
    if (!tool) return command[0] + " is missing";
    command[0] = *tool;
    const ToolResult r = run_tool(command, input);
    EXPECT_TRUE(r.ok()) << command[0] << ": " << r.errors;
    return r.output;
}

/// The rules and own chains of a table, both IP versions.
std::string rules_of(const std::string& table) {
    return run({"iptables", "-t", table, "-S"}) + run({"ip6tables", "-t", table, "-S"});
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++n;
    return n;
}

std::optional<InstalledRules> install(const RulePlan& plan,
                                      config::Backend backend = config::Backend::iptables) {
    std::vector<std::string> notes;
    RuleError error;
    auto rules = InstalledRules::install(plan, backend, notes, error);
    EXPECT_TRUE(rules) << error.message;
    return rules;
}

class Rules : public testing::Test {
  protected:
    void SetUp() override {
        FINWAIT_NEEDS_ROOT("installs firewall rules in a namespace of its own");
        if (!find_tool("iptables") || !find_tool("ip6tables")) GTEST_SKIP() << "needs iptables and ip6tables";
    }
};

TEST_F(Rules, InstallAndRemoveLeaveNoTrace) {
    EXPECT_EQ(test::in_own_namespace([] {
                  const std::string mangle = rules_of("mangle");
                  const std::string filter = rules_of("filter");
                  const std::string raw = rules_of("raw");
                  auto rules = install({.queues = 2});
                  ASSERT_TRUE(rules);
                  EXPECT_EQ(rules->backend(), RuleBackend::iptables);
                  EXPECT_EQ(count(rules_of("mangle"), "-A FORWARD -p tcp -j FINWAITD"), 2U);
                  EXPECT_EQ(count(rules_of("mangle"), "-j NFQUEUE --queue-balance 0:1 --queue-bypass"), 10U);
                  for (const std::string error : {"-p icmp -m icmp --icmp-type 3 -j FINWAITD",
                                                  "-p ipv6-icmp -m icmp6 --icmpv6-type 1 -j FINWAITD"})
                      EXPECT_EQ(count(rules_of("mangle"), "-A FORWARD " + error), 1U) << error;
                  EXPECT_EQ(count(rules_of("filter"), "-A FORWARD -p tcp -j FINWAITD"), 2U);
                  EXPECT_TRUE(rules->untracked());
                  EXPECT_EQ(count(rules_of("raw"), "-A OUTPUT -p tcp -m owner --gid-owner 1718185591"), 2U);
                  EXPECT_EQ(count(rules_of("raw"), "-A FINWAITD -j CT --notrack"), 2U);
                  rules->remove();
                  EXPECT_EQ(rules->problem(), std::nullopt);
                  EXPECT_EQ(rules_of("mangle"), mangle);
                  EXPECT_EQ(rules_of("filter"), filter);
                  EXPECT_EQ(rules_of("raw"), raw);
              }),
              "");
}

TEST_F(Rules, ThoseForOwnSocketsLeaveNoTraceEither) {
    EXPECT_EQ(test::in_own_namespace([] {
                  const auto all = [] {
                      return rules_of("mangle") + rules_of("filter") + rules_of("security") + rules_of("raw");
                  };
                  const std::string before = all();
                  auto rules = install({.scope = config::Scope::both});
                  ASSERT_TRUE(rules);
                  EXPECT_EQ(count(rules_of("security"), "NFQUEUE"), 6U);
                  EXPECT_EQ(count(rules_of("mangle"), "-A INPUT ! -i lo -p tcp -j FINWAITD"), 2U);
                  EXPECT_EQ(count(rules_of("mangle"), "-j FINWAITD-OUT"), 2U);
                  rules->remove();
                  EXPECT_EQ(rules->problem(), std::nullopt);
                  EXPECT_EQ(all(), before);
              }),
              "");
}

TEST_F(Rules, StaleOnesOfAnotherScopeAreRemoved) {
    EXPECT_EQ(test::in_own_namespace([] {
                  run({"iptables-restore", "--noflush"}, render_iptables({.scope = config::Scope::local}));
                  const auto rules = install({});
                  EXPECT_EQ(
                      count(rules_of("mangle"), "INPUT ! -i lo") + count(rules_of("mangle"), "FINWAITD-OUT"),
                      0U);
                  EXPECT_EQ(count(rules_of("filter"), "-A INPUT"), 0U);
                  EXPECT_EQ(count(rules_of("security"), "FINWAITD"), 0U);
              }),
              "");
}

TEST_F(Rules, TheDestructorRemovesThem) {
    EXPECT_EQ(test::in_own_namespace([] {
                  { const auto rules = install({}); }
                  EXPECT_EQ(count(rules_of("mangle") + rules_of("filter"), "FINWAITD"), 0U);
              }),
              "");
}

TEST_F(Rules, StaleOnesOfAnyVariantAndIpVersionAreRemovedAndForeignOnesStay) {
    const std::string foreign = "*mangle\n-A FORWARD -p tcp --dport 9 -j MARK --set-mark 0x1\nCOMMIT\n";
    for (const std::string variant :
         {"iptables-legacy", "ip6tables-legacy", "iptables-nft", "ip6tables-nft"}) {
        if (!find_tool(variant)) continue;
        EXPECT_EQ(test::in_own_namespace([&] {
                      run({variant + "-restore", "--noflush"}, foreign + render_iptables({}));
                      EXPECT_GT(find_own_rules(ToolTime(kInstallPatience)).places(), 0U) << variant;
                      auto rules = install({});
                      ASSERT_TRUE(rules);
                      EXPECT_EQ(find_own_rules(ToolTime(kInstallPatience)).places(), 1U) << variant;
                      rules->remove();
                      EXPECT_EQ(rules->problem(), std::nullopt);
                      EXPECT_EQ(find_own_rules(ToolTime(kInstallPatience)).text(), "") << variant;
                      EXPECT_EQ(count(run({variant + "-save"}), "--dport 9"), 1U) << variant;
                  }),
                  "");
    }
}

TEST_F(Rules, AnInstallationThatIsInterruptedLeavesNoTrace) {
    EXPECT_EQ(test::in_own_namespace([] {
                  const std::atomic<unsigned> stops = 1;
                  std::vector<std::string> notes;
                  RuleError error;
                  EXPECT_FALSE(InstalledRules::install({}, config::Backend::iptables, notes, error,
                                                       ToolTime(kInstallPatience, &stops)));
                  EXPECT_THAT(error.message, HasSubstr("asked to stop"));
                  EXPECT_EQ(find_own_rules(ToolTime(kInstallPatience)).text(), "");
              }),
              "");
}

TEST_F(Rules, ARemovalThatIsInterruptedSaysWhatIsLeft) {
    EXPECT_EQ(test::in_own_namespace([] {
                  const std::atomic<unsigned> stops = 1;
                  auto rules = install({});
                  ASSERT_TRUE(rules);
                  rules->remove(ToolTime(kRemovalPatience, &stops));
                  ASSERT_TRUE(rules->problem());
                  EXPECT_THAT(*rules->problem(), HasSubstr("asked to stop"));
                  EXPECT_THAT(*rules->problem(), HasSubstr("lines in ip6tables-"));
                  EXPECT_THAT(*rules->problem(), HasSubstr("by hand"));
              }),
              "");
}

TEST_F(Rules, StaleOnesAreReplacedExactlyOnce) {
    EXPECT_EQ(test::in_own_namespace([] {
                  run({"iptables-restore", "--noflush"}, render_iptables({.first_queue = 40}));
                  run({"iptables-restore", "--noflush"}, "*mangle\n-A FORWARD -p tcp -j FINWAITD\nCOMMIT\n");
                  const auto rules = install({.packets = config::Packets::all, .first_queue = 41});
                  const std::string mangle = run({"iptables", "-t", "mangle", "-S"});
                  EXPECT_EQ(count(mangle, "-p tcp -j FINWAITD"), 1U) << mangle;
                  EXPECT_EQ(count(mangle, "-j FINWAITD"), 2U) << mangle;
                  EXPECT_EQ(count(mangle, "NFQUEUE"), 1U) << mangle;
                  EXPECT_EQ(count(mangle, "--queue-num 41"), 1U) << mangle;
                  EXPECT_EQ(count(rules_of("filter"), "FINWAITD"), 0U) << "packets = all needs no release";
              }),
              "");
}

TEST_F(Rules, ForeignOnesSurviveInTheirOrder) {
    EXPECT_EQ(test::in_own_namespace([] {
                  run({"iptables-restore"}, R"(*mangle
:FINWAITD-OTHER - [0:0]
-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
-A FORWARD -p tcp -j FINWAITD-OTHER
-A FORWARD -m comment --comment "not -j FINWAITD" -j ACCEPT
COMMIT
*filter
-A FORWARD -s 192.0.2.0/24 -j DROP
COMMIT
)");
                  const std::string mangle = rules_of("mangle");
                  const std::string filter = rules_of("filter");
                  auto rules = install({});
                  ASSERT_TRUE(rules);
                  const std::string with = run({"iptables", "-t", "mangle", "-S", "FORWARD"});
                  EXPECT_LT(with.find("TCPMSS"), with.find("-j FINWAITD\n")) << "ours is the last";
                  const std::string released = run({"iptables", "-t", "filter", "-S", "FORWARD"});
                  EXPECT_LT(released.find("-j FINWAITD"), released.find("192.0.2.0")) << "ours is the first";
                  rules->remove();
                  EXPECT_EQ(rules_of("mangle"), mangle);
                  EXPECT_EQ(rules_of("filter"), filter);
              }),
              "");
}

TEST_F(Rules, WhatWeSendIsLeftToConntrackWhereThatIsWanted) {
    EXPECT_EQ(test::in_own_namespace([] {
                  run({"iptables-restore", "--noflush"}, render_iptables({}));
                  const auto rules = install({.untracked = false});
                  ASSERT_TRUE(rules);
                  EXPECT_FALSE(rules->untracked());
                  EXPECT_EQ(count(rules_of("raw"), "FINWAITD"), 0U) << "stale ones are removed";
              }),
              "");
}

TEST_F(Rules, AutomaticSaysWhyItDidNotUseNftables) {
    EXPECT_EQ(test::in_own_namespace([] {
                  std::vector<std::string> notes;
                  RuleError error;
                  const auto rules = InstalledRules::install({}, config::Backend::automatic, notes, error);
                  ASSERT_TRUE(rules) << error.message;
                  if (rules->backend() == RuleBackend::nftables) {
                      EXPECT_THAT(notes, testing::IsEmpty());
                  } else {
                      EXPECT_THAT(notes,
                                  testing::Contains(HasSubstr("nftables cannot be used, iptables is used")));
                  }
              }),
              "");
}

TEST_F(Rules, NoneTouchesNothing) {
    EXPECT_EQ(test::in_own_namespace([] {
                  const auto rules = install({}, config::Backend::none);
                  ASSERT_TRUE(rules);
                  EXPECT_EQ(rules->backend(), std::nullopt);
                  EXPECT_EQ(count(rules_of("mangle") + rules_of("filter"), "FINWAITD"), 0U);
              }),
              "");
}

TEST_F(Rules, NftTakesAllButTheQueueingOnAnyKernel) {
    if (!find_tool("nft")) GTEST_SKIP() << "needs nft";
    EXPECT_EQ(
        test::in_own_namespace([] {
            const std::string whole = render_nftables({.queues = 2});
            std::string rest;
            for (std::size_t at = 0; at < whole.size();) {
                const std::size_t end = whole.find('\n', at) + 1;
                const std::string line = whole.substr(at, end - at);
                rest += line.substr(0, line.find(" queue flags bypass"));
                if (rest.back() != '\n') rest += " accept\n";
                at = end;
            }
            run({"nft", "-f", "-"}, rest);
            run({"nft", "-f", "-"}, rest);
            EXPECT_THAT(run({"nft", "list", "table", "inet", "finwaitd"}), HasSubstr("priority mangle + 1"));
        }),
        "");
}

TEST_F(Rules, AnInstallationThatFailedLeavesNoTraceAndSaysWhatToDo) {
    EXPECT_EQ(test::in_own_namespace([] {
                  std::vector<std::string> notes;
                  RuleError error;
                  // A foreign base chain in a table of our name makes nft's part pass, and a chain of our
                  // name that is jumped to from elsewhere cannot be removed by iptables.
                  run({"iptables-restore", "--noflush"},
                      "*filter\n:FINWAITD - [0:0]\n-A OUTPUT -j FINWAITD\nCOMMIT\n");
                  const auto rules = InstalledRules::install({}, config::Backend::iptables, notes, error);
                  EXPECT_FALSE(rules);
                  EXPECT_THAT(error.message, HasSubstr("cannot install the firewall rules: iptables"));
                  EXPECT_THAT(error.message, HasSubstr("intercept.backend = \"none\""));
                  EXPECT_EQ(count(rules_of("mangle"), "FINWAITD"), 0U);
              }),
              "");
}

}  // namespace
}  // namespace finwait::netfilter
