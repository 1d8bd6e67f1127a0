// What is made of rules that others change: the difference, how often they are put back, and the watch itself
// in a namespace of its own.
#include "netfilter/rule_watch.hpp"

#include "netfilter/process.hpp"
#include "support/own_namespace.hpp"

#include <chrono>
#include <functional>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>

namespace finwait::netfilter {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(RuleDifference, IsNoneWhereAllIsAsItWas) {
    EXPECT_FALSE(compare_rules({"a", "b"}, {"a", "b"}).any());
}

TEST(RuleDifference, TellsWhatIsMissingAndWhatHasBeenAdded) {
    const RuleDifference d = compare_rules({"a", "b", "b", "c"}, {"b", "c", "x"});
    EXPECT_THAT(d.missing, ElementsAre("a", "b"));
    EXPECT_THAT(d.added, ElementsAre("x"));
    EXPECT_EQ(d.count(), 3U);
    EXPECT_EQ(d.text(), R"(2 of 4 lines are missing, such as "a", and others have been added, such as "x")");
}

TEST(RuleDifference, AnotherOrderIsADifference) {
    const RuleDifference d = compare_rules({"a", "b"}, {"b", "a"});
    EXPECT_TRUE(d.any());
    EXPECT_THAT(d.missing, IsEmpty());
    EXPECT_EQ(d.count(), 1U);
}

const Patience::Time kStart{std::chrono::hours(1)};

TEST(Patience, RulesThatAreMissingForTheFirstTimeArePutBackAtOnce) {
    Patience patience;
    patience.note_missing(kStart);
    EXPECT_LE(patience.next(), kStart);
}

TEST(Patience, WhoeverTakesThemAwayAgainAtOnceIsGivenLongerAndLonger) {
    Patience patience;
    auto now = kStart;
    std::vector<seconds> waits;
    for (int i = 0; i < 8; ++i) {
        patience.note_missing(now);
        const auto next = std::max(now, patience.next());
        waits.push_back(std::chrono::duration_cast<seconds>(next - now));
        now = next;
        patience.note_try(now);
    }
    EXPECT_THAT(waits, ElementsAre(seconds(0), seconds(2), seconds(4), seconds(8), seconds(16),
                                   Patience::kLongWait, Patience::kLongWait, Patience::kLongWait));
}

TEST(Patience, RulesThatHaveStayedForAWhileArePutBackAtOnce) {
    Patience patience;
    patience.note_missing(kStart);
    patience.note_try(kStart);
    patience.note_missing(kStart + Patience::kSettled);
    EXPECT_LE(patience.next(), kStart + Patience::kSettled);
}

TEST(Patience, AnOperatorNeedNotWait) {
    Patience patience;
    for (std::size_t i = 0; i < Patience::kTries; ++i)
        patience.note_try(kStart);
    EXPECT_TRUE(patience.worn_out());
    patience.forget();
    EXPECT_FALSE(patience.worn_out());
    EXPECT_LE(patience.next(), kStart);
}

std::string run(std::vector<std::string> command) {
    command[0] = find_tool(command[0]).value_or("");
    const ToolResult r = run_tool(command, "");
    EXPECT_TRUE(r.ok()) << r.errors;
    return r.output;
}

/// What a watch does, in order.
struct Notes {
    std::mutex lock;
    std::vector<std::string> all;

    void add(const std::string& what) {
        const std::lock_guard guard(lock);
        all.push_back(what);
    }
    std::vector<std::string> read() {
        const std::lock_guard guard(lock);
        return all;
    }
    RuleWatch::Listener listener() {
        const auto kind = [](const RuleNews& news) {
            return news.kind == RuleNews::Kind::missing    ? "missing"
                   : news.kind == RuleNews::Kind::restored ? "restored"
                                                           : "failed";
        };
        return {[this] { add("hold"); }, [this](bool missed) { add(missed ? "go on, missed" : "go on"); },
                [this, kind](const RuleNews& news) { add(kind(news)); }};
    }
};

template<class Condition>
bool until(Condition condition) {
    for (int i = 0; i < 500 && !condition(); ++i)
        std::this_thread::sleep_for(milliseconds(20));
    return condition();
}

/// Rules by iptables in a namespace of their own, watched; and then what `test` does.
void watched(config::WatchRules mode, const std::function<void(RuleWatch&, Notes&)>& test) {
    FINWAIT_NEEDS_ROOT("installs firewall rules in a namespace of its own");
    if (!find_tool("iptables") || !find_tool("ip6tables")) GTEST_SKIP() << "needs iptables and ip6tables";
    EXPECT_EQ(test::in_own_namespace([&] {
                  std::vector<std::string> notes;
                  RuleError error;
                  auto rules = InstalledRules::install({}, config::Backend::iptables, notes, error);
                  ASSERT_TRUE(rules) << error.message;
                  Notes told;
                  RuleWatch watch(*rules, mode, told.listener());
                  watch.start();
                  test(watch, told);
              }),
              "");
}

TEST(RuleWatch, PutsBackWhatIsMissingAndHoldsMeanwhile) {
    watched(config::WatchRules::restore, [](RuleWatch& watch, Notes& told) {
        const std::string before = run({"iptables", "-t", "mangle", "-S"});
        run({"iptables", "-t", "mangle", "-F"});
        EXPECT_TRUE(until([&] { return watch.restored() == 1; }));
        EXPECT_TRUE(until([&] { return told.read().size() == 4; }));
        EXPECT_THAT(told.read(), ElementsAre("hold", "missing", "go on, missed", "restored"));
        EXPECT_EQ(run({"iptables", "-t", "mangle", "-S"}), before);
        EXPECT_EQ(watch.missing(), 0U);
    });
}

TEST(RuleWatch, OnlyReportsWhereItIsToldTo) {
    watched(config::WatchRules::report, [](RuleWatch& watch, Notes& told) {
        run({"ip6tables", "-t", "filter", "-D", "FORWARD", "1"});
        EXPECT_TRUE(until([&] { return watch.missing() == 1; }));
        EXPECT_THAT(watch.missing_lines(), ElementsAre("ip6tables -t filter -A FORWARD -p tcp -j FINWAITD"));
        EXPECT_THAT(told.read(), ElementsAre("hold", "missing"));
        watch.restore_now();
        EXPECT_TRUE(until([&] { return watch.missing() == 0; }));
        EXPECT_TRUE(until([&] { return told.read().size() == 4; }));
    });
}

TEST(RuleWatch, NoticesThatOthersHavePutThemBack) {
    watched(config::WatchRules::report, [](RuleWatch& watch, Notes& told) {
        run({"iptables", "-t", "filter", "-D", "FORWARD", "1"});
        EXPECT_TRUE(until([&] { return watch.missing() == 1; }));
        run({"iptables", "-t", "filter", "-A", "FORWARD", "-p", "tcp", "-j", "FINWAITD"});
        EXPECT_TRUE(until([&] { return watch.missing() == 0 && told.read().size() == 4; }));
        EXPECT_EQ(watch.restored(), 0U);
    });
}

TEST(RuleWatch, TakesNoLossFromChangesBesideOurs) {
    watched(config::WatchRules::restore, [](RuleWatch& watch, Notes& told) {
        run({"iptables", "-A", "INPUT", "-p", "udp", "-j", "ACCEPT"});
        EXPECT_TRUE(until([&] { return told.read().size() >= 2; }));
        EXPECT_THAT(told.read(), ElementsAre("hold", "go on"));
        EXPECT_EQ(watch.missing(), 0U);
    });
}

}  // namespace
}  // namespace finwait::netfilter
