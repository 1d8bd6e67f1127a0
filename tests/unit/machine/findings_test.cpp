#include "machine/findings.hpp"

#include "netfilter/rule_shape.hpp"

#include <algorithm>

#include <gmock/gmock.h>

namespace finwait::machine {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Facts good_machine() {
    Facts f;
    f.fin_wait = f.close_wait = f.last_ack = Duration(minutes(10));
    f.conntrack_max = 262'144;
    f.forwarding_v4 = f.forwarding_v6 = true;
    f.queue = f.nft = f.iptables = true;
    f.flowtables.emplace();
    f.detours.emplace();
    f.tracking.rules = {"ct state established accept"};
    return f;
}

/// As find_own_rules() gives the rules of the default configuration.
netfilter::Lines nftables_lines() {
    netfilter::Lines lines = netfilter::lines_of(netfilter::render_nftables({}));
    std::erase(lines, "}");
    return lines;
}

netfilter::Lines iptables_lines(bool v6) {
    netfilter::Lines lines;
    for (const auto& [chain, rules] : netfilter::iptables_shape({}, v6)) {
        const std::string table = chain.substr(0, chain.find(' '));
        const std::string name = chain.substr(chain.find(' ') + 1);
        if (name == "FINWAITD") lines.push_back("-t " + table + " -N " + name);
        for (std::size_t i = 0; i < rules; ++i)
            lines.push_back("-t " + table + " -A " + name + " -p tcp");
    }
    return lines;
}

std::vector<Finding> of(const Facts& facts, const config::Settings& settings, Grade grade) {
    std::vector<Finding> all = findings(facts, settings);
    std::erase_if(all, [grade](const Finding& f) { return f.grade != grade; });
    return all;
}

TEST(Findings, NothingIsToBeDoneOnAGoodMachine) {
    EXPECT_THAT(findings(good_machine(), {}), Each(Field(&Finding::grade, Grade::good)));
    EXPECT_THAT(findings(good_machine(), {}), Each(Field(&Finding::advice, IsEmpty())));
}

TEST(Findings, NobodySeesWhatPassesWhileFinwaitdIsStoppedUnlessARuleOfOthersNeedsConntrack) {
    for (const config::Packets packets : {config::Packets::all, config::Packets::selective}) {
        config::Settings settings;
        settings.intercept.packets = packets;
        EXPECT_EQ(tracking({}, settings).grade, Grade::warning);
        EXPECT_THAT(tracking({}, settings).what, HasSubstr("before finwaitd's first start"));
        EXPECT_THAT(tracking({}, settings).advice, HasSubstr("-m conntrack"));
        EXPECT_EQ(tracking({{}, {"nft needs root"}}, settings).grade, Grade::unknown);
        EXPECT_EQ(tracking({{"ct state established accept"}, {}}, settings).grade, Grade::good);
        EXPECT_EQ(tracking({{"ct state established accept"}, {"nft needs root"}}, settings).grade,
                  Grade::good);
        settings.intercept.scope = config::Scope::local;
        EXPECT_EQ(tracking({}, settings).grade, Grade::good);
    }
}

TEST(Findings, RulesThatTheOperatorLoadsMakeConntrackTrackAlsoWhileFinwaitdIsStopped) {
    config::Settings settings;
    settings.intercept.backend = config::Backend::none;
    EXPECT_EQ(tracking({}, settings).grade, Grade::good);
    settings.intercept.packets = config::Packets::all;
    EXPECT_EQ(tracking({}, settings).grade, Grade::warning) << "those do not";
}

TEST(Findings, RulesThatTheRunningFinwaitdMissesAreAProblemThatAReloadMends) {
    Facts facts = good_machine();
    facts.bound_queues = {0};
    facts.own_rules.found = {{netfilter::OwnRules::Place::nftables, "nftables", nftables_lines()}};
    EXPECT_EQ(own_rules(facts, {}).grade, Grade::good);
    facts.rules_missing = 7;
    EXPECT_EQ(own_rules(facts, {}).grade, Grade::problem);
    EXPECT_THAT(own_rules(facts, {}).what, HasSubstr("7 are missing"));
    EXPECT_THAT(own_rules(facts, {}).advice, HasSubstr("finwaitctl reload"));
}

TEST(Findings, AToolThatWasRefusedLeavesItsLinesUnknown) {
    Facts facts = good_machine();
    facts.tracking = {};
    facts.flowtables.reset();
    facts.nft_silent = "nft needs root";
    facts.own_rules.unknown = {"nft needs root"};
    for (RulesFound* found :
         {&facts.untracked, &facts.mark_copies, &facts.synproxies, &facts.helpers, &facts.tracking})
        found->silent = {"nft needs root", "iptables-save needs root"};
    std::vector<std::string> unknown;
    for (const Finding& finding : of(facts, {}, Grade::unknown)) {
        unknown.push_back(finding.subject);
        EXPECT_THAT(finding.what, HasSubstr("needs root"));
    }
    EXPECT_THAT(unknown, ::testing::ElementsAre("tools", "rules", "offload", "untracked", "tracking",
                                                "sequence", "marks"));
}

TEST(Findings, WhatOneToolHasShownIsSaidAlthoughAnotherWasRefused) {
    Facts facts = good_machine();
    facts.untracked = {{"-A PREROUTING -j NOTRACK"}, {"nft needs root"}};
    facts.mark_copies = {{"-j CONNMARK --restore-mark"}, {"nft needs root"}};
    facts.synproxies = {{"-A FORWARD -j SYNPROXY"}, {"nft needs root"}};
    EXPECT_EQ(of(facts, {}, Grade::warning).size(), 3U);
    EXPECT_THAT(of(facts, {}, Grade::unknown), IsEmpty());
}

TEST(Findings, RulesInTwoBackendsQueueTwice) {
    using Place = netfilter::OwnRules::Place;
    Facts facts = good_machine();
    facts.bound_queues = {0};
    facts.own_rules.found = {{Place::iptables_nft, "iptables-nft", iptables_lines(false)},
                             {Place::iptables_nft, "ip6tables-nft", iptables_lines(true)}};
    EXPECT_EQ(own_rules(facts, {}).grade, Grade::good);
    facts.own_rules.found.push_back({Place::iptables_legacy, "ip6tables-legacy", {"a", "b"}});
    EXPECT_EQ(own_rules(facts, {}).grade, Grade::warning);
    EXPECT_THAT(own_rules(facts, {}).what, HasSubstr("2 lines in ip6tables-legacy"));
}

TEST(Findings, RulesThatAreMissingAreNamedByTheirChainsWhereNoDaemonTellsOfThem) {
    using Place = netfilter::OwnRules::Place;
    Facts facts = good_machine();
    facts.ip6tables = true;
    facts.bound_queues = {0};
    netfilter::Lines flushed = iptables_lines(false);
    std::erase_if(flushed, [](const std::string& line) {
        return line.starts_with("-t mangle -A") || line.starts_with("-t raw -A");
    });
    facts.own_rules.found = {{Place::iptables_nft, "iptables-nft", flushed},
                             {Place::iptables_nft, "ip6tables-nft", iptables_lines(true)}};
    EXPECT_EQ(own_rules(facts, {}).grade, Grade::problem);
    EXPECT_THAT(own_rules(facts, {}).what,
                HasSubstr("missing: iptables-nft: 6 of 6 in mangle FINWAITD, 2 of 2 in mangle FORWARD, "
                          "2 of 2 in raw FINWAITD, 1 of 1 in raw OUTPUT."));
    facts.own_rules.found.pop_back();
    facts.own_rules.found[0].lines = iptables_lines(false);
    EXPECT_THAT(own_rules(facts, {}).what, HasSubstr("missing: ip6tables-nft: "));
    facts.ip6tables = false;
    EXPECT_EQ(own_rules(facts, {}).grade, Grade::good);
}

TEST(Findings, RulesThatAreMissingFromATableOfNftablesAreNamed) {
    Facts facts = good_machine();
    facts.bound_queues = {0};
    netfilter::Lines lines = nftables_lines();
    std::erase_if(lines, [](const std::string& line) { return line.find("queue") != line.npos; });
    facts.own_rules.found = {{netfilter::OwnRules::Place::nftables, "nftables", lines}};
    EXPECT_THAT(own_rules(facts, {}).what, HasSubstr("missing: nftables: 6 of 7 in intercept_forward."));
}

TEST(Findings, AKernelWithoutNotrackLacksNoRule) {
    Facts facts = good_machine();
    facts.bound_queues = {0};
    netfilter::Lines lines = iptables_lines(false);
    std::erase_if(lines, [](const std::string& line) { return line.starts_with("-t raw"); });
    facts.own_rules.found = {{netfilter::OwnRules::Place::iptables_nft, "iptables-nft", lines}};
    EXPECT_EQ(own_rules(facts, {}).grade, Grade::good);
}

TEST(Findings, AQueueThatIsReadWithoutAnyRuleSeesNothing) {
    Facts facts = good_machine();
    facts.bound_queues = {0};
    EXPECT_EQ(own_rules(facts, {}).grade, Grade::warning);
    EXPECT_THAT(own_rules(facts, {}).what, HasSubstr("no firewall rule of finwaitd is there"));
    config::Settings settings;
    settings.intercept.backend = config::Backend::none;
    EXPECT_EQ(own_rules(facts, settings).grade, Grade::good) << "the operator's may have other names";
}

TEST(Findings, RulesWhoseQueueNobodyReadsAreLeftOver) {
    Facts facts = good_machine();
    facts.own_rules.found = {{netfilter::OwnRules::Place::nftables, "nftables", {"table inet finwaitd {"}}};
    EXPECT_EQ(own_rules(facts, {}).grade, Grade::warning);
    EXPECT_THAT(own_rules(facts, {}).what, HasSubstr("1 line in nftables"));
    EXPECT_THAT(own_rules(facts, {}).advice, HasSubstr("start finwaitd"));
}

TEST(Findings, ABackendThatGivesNoAnswerIsNamed) {
    Facts facts = good_machine();
    facts.own_rules.unknown = {"nftables: did not end within 10000 ms"};
    EXPECT_EQ(own_rules(facts, {}).grade, Grade::unknown);
    EXPECT_THAT(own_rules(facts, {}).what, HasSubstr("nftables: did not end"));
}

TEST(Findings, AConntrackThatForgetsTooEarlyIsNamedWithItsPolicyAndItsCure) {
    Facts facts = good_machine();
    facts.close_wait = Duration(seconds(2));
    config::Settings settings;
    policy::Policy slow;
    slow.name = "slow";
    slow.timeouts.fin_wait_2 = minutes(8);
    settings.policies.push_back(slow);
    const auto found = of(facts, settings, Grade::warning);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_THAT(found[0].what,
                HasSubstr("nf_conntrack_tcp_timeout_close_wait is 2s, and policy \"slow\" needs 9m15s"));
    EXPECT_THAT(found[0].advice,
                HasSubstr("sysctl -w net.netfilter.nf_conntrack_tcp_timeout_close_wait=615"));
    settings.conntrack.manage_timeouts = true;
    EXPECT_THAT(of(facts, settings, Grade::warning), IsEmpty());
}

TEST(Findings, AConntrackThatForgetsEarlyButNotAtOnceIsMadeUpFor) {
    Facts facts = good_machine();
    facts.close_wait = Duration(seconds(60));
    EXPECT_THAT(of(facts, {}, Grade::warning), IsEmpty());
}

TEST(Findings, APolicyThatNeverActsNeedsNoTime) {
    Facts facts = good_machine();
    facts.close_wait = facts.fin_wait = facts.last_ack = Duration(minutes(7));
    config::Settings settings;
    policy::Policy never;
    never.name = "never";
    never.timeouts.fin_wait_2 = policy::kOff;
    settings.policies.push_back(never);
    EXPECT_THAT(of(facts, settings, Grade::warning), IsEmpty());
}

TEST(Findings, EveryTrapHasItsWarning) {
    Facts facts = good_machine();
    facts.flowtables = std::vector<std::string>{"inet filter ft"};
    facts.untracked.rules = {"-A PREROUTING -j NOTRACK"};
    facts.bridge_calls_iptables = true;
    facts.mark_copies.rules = {"-j CONNMARK --restore-mark"};
    facts.detours->vrf = {3};
    facts.detours->vrf_names = {"blue"};
    facts.detours->rules = {"iif guest"};
    facts.forwarding_v4 = facts.forwarding_v6 = false;
    facts.synproxies.rules = {"-A FORWARD -j SYNPROXY"};
    facts.tracking = {};
    config::Settings settings;
    settings.limits.flows = 1000;
    EXPECT_EQ(of(facts, settings, Grade::warning).size(), 10U);
    EXPECT_THAT(of(facts, settings, Grade::warning),
                Each(Field(&Finding::advice, ::testing::Not(IsEmpty()))));
}

TEST(Findings, CopiesOfMarksDoNoHarmWhereTheyLeaveOurBitsOutOrNoneAreUsed) {
    config::Settings settings;
    EXPECT_EQ(marks({{"-j CONNMARK --restore-mark --nfmask 0xbfffffff"}, {}}, settings).grade, Grade::good);
    const Finding found = marks({{"-j CONNMARK --restore-mark"}, {}}, settings);
    EXPECT_EQ(found.grade, Grade::warning);
    EXPECT_THAT(found.advice, HasSubstr("--nfmask 0xbfffffff --ctmask 0xbfffffff"));
    settings.intercept.packets = config::Packets::all;
    EXPECT_EQ(marks({{"-j CONNMARK --restore-mark"}, {}}, settings).grade, Grade::good);
}

TEST(Findings, AMachineThatForwardsNothingCanFollowItsOwnConnections) {
    Facts facts = good_machine();
    facts.forwarding_v4 = facts.forwarding_v6 = false;
    config::Settings settings;
    settings.conntrack.manage_timeouts = true;
    EXPECT_THAT(of(facts, settings, Grade::warning), ::testing::SizeIs(1));
    settings.intercept.scope = config::Scope::local;
    EXPECT_THAT(of(facts, settings, Grade::warning), IsEmpty());
}

TEST(Findings, SynproxyIsNamedByItsRuleOrByWhatItHasOpened) {
    Facts facts = good_machine();
    facts.synproxies.rules = {"tcp dport 80 synproxy mss 1460 wscale 7"};
    auto found = of(facts, {}, Grade::warning);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_THAT(found[0].what, HasSubstr("Rule: tcp dport 80 synproxy mss 1460 wscale 7"));
    facts.synproxies.rules.clear();
    facts.synproxied = 12;
    found = of(facts, {}, Grade::warning);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_THAT(found[0].what, HasSubstr("(so far 12)"));
    facts.synproxied = 0;
    facts.helpers.rules = {"-A PREROUTING -p tcp --dport 21 -j CT --helper ftp"};
    EXPECT_THAT(of(facts, {}, Grade::warning), IsEmpty());
}

TEST(Findings, WithoutNfqueueOrTheToolsItCannotWork) {
    Facts facts = good_machine();
    facts.queue = facts.nft = false;
    config::Settings settings;
    settings.intercept.backend = config::Backend::nftables;
    EXPECT_EQ(of(facts, settings, Grade::problem).size(), 2U);
    settings.intercept.backend = config::Backend::automatic;
    EXPECT_EQ(of(facts, settings, Grade::problem).size(), 1U);
}

TEST(Findings, AnNftThatCannotQueueIsNamedWithWhatIsUsedInstead) {
    Facts facts = good_machine();
    facts.nft = facts.iptables = true;
    facts.nft_problem = "Error: Could not process rule: No such file or directory";
    config::Settings settings;
    EXPECT_EQ(of(facts, settings, Grade::problem).size(), 0U);
    const auto good = of(facts, settings, Grade::good);
    EXPECT_TRUE(std::ranges::any_of(good, [](const Finding& f) {
        return f.what.find("No such file or directory): intercept.backend = \"auto\" uses iptables") !=
               f.what.npos;
    }));
    facts.iptables = false;
    EXPECT_EQ(of(facts, settings, Grade::problem).size(), 1U);
    facts.iptables = true;
    settings.intercept.backend = config::Backend::nftables;
    EXPECT_EQ(of(facts, settings, Grade::problem).size(), 1U);
    settings.intercept.backend = config::Backend::iptables;
    EXPECT_EQ(of(facts, settings, Grade::problem).size(), 0U);
}

TEST(Findings, WhatCannotBeReadIsSaidToBeUnknown) {
    EXPECT_EQ(of(Facts{}, {}, Grade::unknown).size(), 7U);
}

}  // namespace
}  // namespace finwait::machine
