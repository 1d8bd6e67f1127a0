// Removing our rules by tools that fail, lie or hang.
#include "netfilter/backend.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finwait::netfilter {
namespace {

using namespace std::chrono_literals;
using Outcome = Removal::Outcome;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Removal kFailed{.outcome = Outcome::unseen, .why = "tool-save: busy"};

/// A backend that answers as `answers` say, the last of them again and again.
Backend scripted(std::string place, std::vector<Removal> answers, unsigned& calls) {
    return {std::move(place), [answers = std::move(answers), &calls](const ToolTime&) {
                return answers[std::min<std::size_t>(calls++, answers.size() - 1)];
            }};
}

class RemoveFrom : public testing::Test {
  protected:
    RemovedEverywhere run(std::vector<Removal> answers, Places used, std::chrono::milliseconds time = 10s) {
        return remove_from({scripted("iptables-nft", std::move(answers), calls)}, std::move(used),
                           ToolTime(time), time);
    }
    unsigned calls = 0;
};

TEST_F(RemoveFrom, AToolThatFailsOnceIsTriedAgain) {
    const auto removed = run({kFailed, {.found = true}}, {"iptables-nft"});
    EXPECT_EQ(removed.left, std::nullopt);
    EXPECT_EQ(calls, 2U);
}

TEST_F(RemoveFrom, ARemovalThatFailsOnceIsTriedAgain) {
    const auto removed = run({{.outcome = Outcome::left, .why = "busy", .found = true}, {}}, {});
    EXPECT_EQ(removed.left, std::nullopt);
    EXPECT_THAT(removed.used, ElementsAre("iptables-nft"));
}

TEST_F(RemoveFrom, ABackendThatHadRulesIsNeverTakenForEmptyBecauseItsToolFails) {
    for (const Outcome outcome : {Outcome::unseen, Outcome::unsupported}) {
        const auto removed = run({{.outcome = outcome, .why = "tool-save: busy"}}, {"iptables-nft"}, 600ms);
        EXPECT_EQ(removed.left, "tool-save: busy: rules may be left in iptables-nft");
    }
}

TEST_F(RemoveFrom, RulesThatWereFoundMakeItABackendThatHadRules) {
    const Removal lost{.outcome = Outcome::unseen, .why = "tool-save: busy", .found = true};
    EXPECT_TRUE(run({lost, kFailed}, {}, 600ms).left);
}

TEST_F(RemoveFrom, ABackendWithoutRulesThatCannotBeLookedAtIsNamedAndNoFailure) {
    const auto removed = run({kFailed}, {});
    EXPECT_EQ(removed.left, std::nullopt);
    EXPECT_THAT(removed.unseen, ElementsAre(testing::Pair("iptables-nft", "tool-save: busy")));
    EXPECT_EQ(calls, 3U);
}

TEST_F(RemoveFrom, AVariantThatThisKernelCannotHaveIsNotMentioned) {
    const auto removed = run({{.outcome = Outcome::unsupported, .why = "Table does not exist"}}, {});
    EXPECT_EQ(removed.left, std::nullopt);
    EXPECT_THAT(removed.unseen, IsEmpty());
    EXPECT_EQ(calls, 1U);
}

TEST_F(RemoveFrom, ASuccessThatLeavesTheRulesIsBelievedOnlyOnce) {
    const auto removed = run(
        {{.outcome = Outcome::left, .why = "nothing was removed", .found = true, .claimed = true}}, {}, 60s);
    EXPECT_EQ(removed.left, "nothing was removed");
    EXPECT_EQ(calls, 2U);
}

TEST_F(RemoveFrom, WhatCannotEndBetterIsNotTriedAgain) {
    EXPECT_TRUE(run({{.outcome = Outcome::left, .why = "jump", .hopeless = true}}, {}, 60s).left);
    EXPECT_EQ(calls, 1U);
}

TEST_F(RemoveFrom, AToolThatIsGoneMayHaveLeftRules) {
    EXPECT_THAT(run({{}}, {"iptables-nft", "ip6tables-nft"}).left.value_or(""),
                HasSubstr("ip6tables-nft, whose tool is no longer installed"));
}

TEST_F(RemoveFrom, AToolThatHangsDoesNotKeepTheOthersFromBeingTried) {
    unsigned other = 0;
    const Removal hung{.outcome = Outcome::unseen, .why = "hung", .silent = true};
    const auto removed = remove_from({scripted("a", {hung}, calls), scripted("b", {{.found = true}}, other)},
                                     {"a", "b"}, ToolTime(300ms), 300ms);
    EXPECT_EQ(removed.left, "hung: rules may be left in a");
    EXPECT_EQ(other, 1U);
}

TEST_F(RemoveFrom, ARequestToStopEndsTheTries) {
    const std::atomic<unsigned> stops = 2;
    const auto begun = ToolTime::Clock::now();
    (void)remove_from({scripted("a", {kFailed}, calls)}, {"a"}, ToolTime(60s, &stops, 1, 300ms), 60s);
    EXPECT_LT(ToolTime::Clock::now() - begun, 10s);
}

/// A variant of iptables that is made of two scripts; "rules" is what it lists.
class FakeIptables : public testing::Test {
  protected:
    FakeIptables() {
        std::string path = testing::TempDir() + "finwait_iptables_XXXXXX";
        directory = mkdtemp(path.data());
        std::ofstream(directory / "rules") << "*mangle\n:FINWAITD - [0:0]\n-A FORWARD -j FINWAITD\nCOMMIT\n";
    }
    ~FakeIptables() override { std::filesystem::remove_all(directory); }

    std::string script(const std::string& name, const std::string& text) {
        const auto path = directory / name;
        std::ofstream(path) << "#!/bin/sh\ncd " << directory << "\n" << text << "\n";
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        return path;
    }
    Removal remove(const std::string& save, const std::string& restore) {
        return iptables::remove({"iptables-nft", script("save", save), script("restore", restore)},
                                ToolTime(10s));
    }
    std::filesystem::path directory;
};

TEST_F(FakeIptables, IsCleanOnceTheRulesAreGone) {
    const Removal removal = remove("cat rules", ": > rules");
    EXPECT_EQ(removal.outcome, Outcome::clean);
    EXPECT_TRUE(removal.found);
}

TEST_F(FakeIptables, ThatReportsSuccessAndDoesNothingHasLeftTheRules) {
    const Removal removal = remove("cat rules", "cat > /dev/null");
    EXPECT_EQ(removal.outcome, Outcome::left);
    EXPECT_TRUE(removal.claimed);
    EXPECT_THAT(removal.why, HasSubstr("iptables-nft-restore: reported success"));
}

TEST_F(FakeIptables, ThatFailsToListSaysNothingAboutItsRules) {
    const Removal removal = remove("echo 'Resource temporarily unavailable' >&2; exit 4", "exit 1");
    EXPECT_EQ(removal.outcome, Outcome::unseen);
    EXPECT_EQ(removal.why, "iptables-nft-save: Resource temporarily unavailable");
    EXPECT_EQ(remove("exit 1", "").outcome, Outcome::unseen);
}

TEST_F(FakeIptables, WhoseKernelLacksItsTableHasNoRules) {
    EXPECT_EQ(remove("exit 3", "").outcome, Outcome::unsupported);
    EXPECT_EQ(remove("echo 'can not initialize: Table does not exist' >&2; exit 1", "").outcome,
              Outcome::unsupported);
}

TEST_F(FakeIptables, CannotRemoveAChainThatAForeignRuleJumpsTo) {
    EXPECT_FALSE(remove("cat rules", "exit 4").hopeless);
    std::ofstream(directory / "rules") << "*mangle\n:FINWAITD - [0:0]\n-A OTHER -j FINWAITD\nCOMMIT\n";
    EXPECT_TRUE(remove("cat rules", "exit 4").hopeless);
}

TEST_F(FakeIptables, ThatInstallsNothingAndReportsSuccessIsAnErrorOfTheInstallation) {
    RulePlan plan;
    std::vector<std::string> notes;
    const iptables::Families families = {
        {"iptables-nft", script("save", "true"), script("restore", "cat > /dev/null")}};
    const Problem problem = iptables::install(families, plan, notes, ToolTime(10s));
    EXPECT_THAT(problem.value_or(""), HasSubstr("iptables-restore: reported success, but rules are missing: "
                                                "3 of 3 in filter FINWAITD, 1 of 1 in filter FORWARD"));
}

}  // namespace
}  // namespace finwait::netfilter
