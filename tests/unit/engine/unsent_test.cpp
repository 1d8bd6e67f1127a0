// Probes and RSTs that did not leave this machine: nobody has been asked by them, and nothing has been ended.
#include "support/path.hpp"

#include <algorithm>

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

/// This machine's way out, which may be shut towards one side or both.
class WayOut {
  public:
    explicit WayOut(Path& path) : path_(path) {}

    bool probes_pass = true;
    bool resets_pass = true;
    std::uint16_t only_port = 0;  // what goes elsewhere passes; 0: no exception

    /// Lets time pass, and has what may not leave come back.
    void wait(Duration d) {
        const Instant until = path_.now + d;
        while (path_.now < until) {
            path_.wait(std::min<Duration>(milliseconds(20), until - path_.now));
            turn_back();
        }
    }
    void turn_back() {
        const auto sends = path_.sends();
        for (; seen_ < sends.size(); ++seen_) {
            const tcp::Segment& segment = sends[seen_].segment;
            const bool rst = segment.any(tcp::flag::rst);
            const bool excepted = only_port != 0 && segment.destination.port != only_port;
            if (excepted || (rst ? resets_pass : probes_pass))
                passed.push_back(segment);
            else
                path_.engine.on_unsent(path_.now, segment);
        }
    }
    [[nodiscard]] std::size_t passed_to(std::uint16_t port, bool rst) const {
        return static_cast<std::size_t>(std::ranges::count_if(passed, [=](const tcp::Segment& s) {
            return s.destination.port == port && s.any(tcp::flag::rst) == rst;
        }));
    }

    std::vector<tcp::Segment> passed;

  private:
    Path& path_;
    std::size_t seen_ = 0;
};

constexpr std::uint16_t kClient = 40'000;
constexpr std::uint16_t kServer = 80;

Path watched(policy::OnExpiry on_expiry) {
    Options options = asking();
    policy::Timeouts t = options.tuning.policies[0].timeouts;
    t.on_expiry = on_expiry;
    options.tuning.policies = policy::PolicySet({}, t);
    Path path(options);
    path.client_half_closed();
    return path;
}

TEST(Unsent, AProbeThatDidNotLeaveIsNoAttemptAndNobodyIsSilent) {
    Path path = watched(policy::OnExpiry::probe);
    WayOut way(path);
    way.probes_pass = false;
    way.wait(minutes(14));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_THAT(path.events(), Not(Contains(EventType::silent)));
    EXPECT_THAT(path.events(), Contains(EventType::left)) << "it is not tried again and again for ever";
    EXPECT_EQ(path.engine.counters().probes_sent, 0U);
    EXPECT_EQ(path.engine.counters().probes_unsent, path.probes().size());
    EXPECT_LT(path.probes().size(), 40U);
    way.probes_pass = true;
    way.wait(minutes(16));
    EXPECT_GT(way.passed_to(kServer, false), 0U) << "it is asked later";
}

TEST(Unsent, ASideGetsAllItsAttemptsOnceTheyLeave) {
    Path path = watched(policy::OnExpiry::probe);
    WayOut way(path);
    way.probes_pass = false;
    way.wait(seconds(8));
    way.probes_pass = true;
    way.wait(seconds(4));
    EXPECT_THAT(path.resets(), IsEmpty());
    way.wait(minutes(1));
    EXPECT_GE(way.passed_to(kServer, false), 3U);
    EXPECT_GE(way.passed_to(kClient, false), 3U);
    EXPECT_EQ(path.engine.counters().resets_sent, 2U) << "then it is over";
}

TEST(Unsent, OneSideThatCannotBeAskedIsNotSilentWhileTheOtherAnswers) {
    Path path = watched(policy::OnExpiry::probe);
    WayOut way(path);
    way.probes_pass = false;
    way.only_port = kServer;
    way.wait(milliseconds(3100));
    path.client(ack(1002, 5001));
    way.wait(minutes(10));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_THAT(path.events(), Not(Contains(EventType::silent)));
}

TEST(Unsent, NobodyIsSilentWhileNothingCanLeaveForTheOtherSide) {
    // Without a way to the server the client's answers do not come by either.
    Path path = watched(policy::OnExpiry::probe);
    WayOut way(path);
    way.probes_pass = false;
    way.only_port = kServer;
    way.wait(minutes(10));
    EXPECT_GT(way.passed_to(kClient, false), 3U);
    EXPECT_THAT(path.events(), Not(Contains(EventType::silent)));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Unsent, ASideIsAskedAgainOnceSomethingLeavesForTheOther) {
    Path path = watched(policy::OnExpiry::probe);
    WayOut way(path);
    way.probes_pass = false;
    way.only_port = kServer;
    way.wait(seconds(11));  // the client has had all its attempts
    const std::size_t before = way.passed_to(kClient, false);
    way.probes_pass = true;
    way.wait(seconds(6));
    EXPECT_GT(way.passed_to(kClient, false), before);
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    way.wait(minutes(1));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Unsent, AnEarlierProbeMayStillBeAnswered) {
    Path path = watched(policy::OnExpiry::probe);
    WayOut way(path);
    way.wait(milliseconds(3100));
    path.client(ack(1002, 5001));
    way.probes_pass = false;
    way.wait(milliseconds(2200));
    EXPECT_EQ(path.engine.counters().probes_unsent, 1U);
    EXPECT_EQ(path.server(ack(5001, 1002)), Verdict::drop) << "to the first one";
    way.wait(seconds(1));
    EXPECT_THAT(path.events(), Contains(EventType::left));
}

TEST(Unsent, RetriesOfManyAreSpreadOverTime) {
    Options options = asking();
    Path path(options);
    for (std::uint16_t i = 0; i < 200; ++i) {
        path.use_port(static_cast<std::uint16_t>(10'000 + i));
        path.client_half_closed();
    }
    WayOut way(path);
    way.probes_pass = false;
    way.wait(milliseconds(3100));
    ASSERT_EQ(path.engine.counters().probes_unsent, 400U);
    way.probes_pass = true;
    std::size_t most = 0;
    for (int tenth = 0; tenth < 35; ++tenth) {
        const std::size_t before = way.passed.size();
        way.wait(milliseconds(100));
        most = std::max(most, way.passed.size() - before);
    }
    EXPECT_GE(way.passed.size(), 400U);
    EXPECT_LT(most, 80U);
}

TEST(Unsent, AResetThatDidNotLeaveIsSentAgainAndConfirmed) {
    Path path = watched(policy::OnExpiry::reset);
    WayOut way(path);
    way.resets_pass = false;
    way.wait(seconds(4));
    EXPECT_THAT(way.passed, IsEmpty()) << "nor is it asked whether it has worked";
    way.resets_pass = true;
    way.wait(seconds(3));
    EXPECT_EQ(way.passed_to(kClient, true), 1U);
    EXPECT_EQ(way.passed_to(kServer, true), 1U);
    EXPECT_EQ(path.engine.counters().resets_sent, 2U);
    EXPECT_GT(path.engine.counters().resets_unsent, 0U);
    EXPECT_EQ(path.engine.policy_counts()[0].reset, 1U);
    path.client(rst(1002));
    path.server(rst(5001));
    path.wait(milliseconds(20));
    EXPECT_EQ(path.engine.counters().resets_confirmed, 1U);
}

TEST(Unsent, OnlyTheSideWhoseResetDidNotLeaveIsResetAgain) {
    Path path = watched(policy::OnExpiry::reset);
    WayOut way(path);
    way.resets_pass = false;
    way.only_port = kServer;
    way.wait(milliseconds(3100));
    way.resets_pass = true;
    way.wait(milliseconds(1500));
    EXPECT_EQ(way.passed_to(kClient, true), 1U);
    EXPECT_EQ(way.passed_to(kServer, true), 1U);
}

TEST(Unsent, AnEndWhoseResetsNeverLeaveIsRefusedAndTheFlowWatchedOn) {
    Path path = watched(policy::OnExpiry::reset);
    WayOut way(path);
    way.resets_pass = false;
    way.wait(minutes(2));
    const Counters& counters = path.engine.counters();
    EXPECT_EQ(counters.resets_refused, 1U);
    EXPECT_EQ(counters.resets_unconfirmed + counters.resets_confirmed + counters.resets_sent, 0U);
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::watching);
    EXPECT_EQ(path.flow().subject.closer, tcp::Role::client);
}

TEST(Unsent, AResetThatWasNotSentIsNotSentWhileSomethingIsUnderWay) {
    Path path = watched(policy::OnExpiry::reset);
    WayOut way(path);
    way.resets_pass = false;
    way.wait(milliseconds(3100));
    path.server(data(5001, 1002, 100));
    way.resets_pass = true;
    way.wait(minutes(2));
    EXPECT_THAT(way.passed, IsEmpty());
}

TEST(Unsent, AnEndThatCannotBeMadeSureOfIsUnconfirmed) {
    Path path = watched(policy::OnExpiry::reset);
    WayOut way(path);
    way.probes_pass = false;
    way.only_port = kServer;
    way.wait(milliseconds(3700));
    path.client(rst(1002));
    way.wait(minutes(2));
    const Counters& counters = path.engine.counters();
    EXPECT_EQ(counters.resets_unconfirmed, 1U);
    EXPECT_EQ(counters.resets_confirmed, 0U);
    EXPECT_THAT(path.events(), Not(Contains(EventType::silent)));
}

Path asked_for_orphan_test() {
    policy::Timeouts t;
    t.orphan_test = policy::OrphanTest::active;
    return asked(t);
}

/// Both sides answer their probes, and from then on no RST leaves.
void no_test_leaves(Path& path, WayOut& way) {
    way.resets_pass = false;
    way.turn_back();
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
}

TEST(Unsent, ATestForAnOrphanThatDidNotLeaveIsRepeated) {
    Path path = asked_for_orphan_test();
    WayOut way(path);
    no_test_leaves(path, way);
    way.wait(milliseconds(500));
    ASSERT_EQ(path.resets().size(), 1U);
    EXPECT_THAT(path.events(), Not(Contains(EventType::left)));
    way.resets_pass = true;
    way.wait(milliseconds(800));
    EXPECT_EQ(way.passed_to(kClient, true), 1U);
}

TEST(Unsent, ATestForAnOrphanThatNeverLeavesIsNotMadeForEver) {
    Path path = asked_for_orphan_test();
    WayOut way(path);
    no_test_leaves(path, way);
    way.wait(minutes(5));
    EXPECT_LT(path.resets().size(), 10U);
    EXPECT_THAT(path.events(), Contains(EventType::left));
}

TEST(Unsent, AKillWhoseProbesNeverLeaveComesToAnEnd) {
    Path path = watched(policy::OnExpiry::probe);
    WayOut way(path);
    path.engine.on_loss(path.now, 1);
    way.probes_pass = false;
    way.wait(seconds(3));
    static_cast<void>(path.engine.kill(path.now, path.flow().id));
    way.wait(minutes(10));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_LT(path.probes().size(), 60U);
}

TEST(Unsent, WhatNoFlowHasSentChangesNothing) {
    Path path = asked();
    tcp::Segment stray = path.probes()[0];
    stray.source.port = 1;
    path.engine.on_unsent(path.now, stray);
    path.engine.on_unsent(path.now, tcp::Segment());
    EXPECT_EQ(path.engine.counters().probes_unsent, 0U);
    EXPECT_EQ(path.engine.counters().probes_sent, 2U);
    path.wait(seconds(1));
    EXPECT_EQ(path.probes().size(), 2U);
}

TEST(Unsent, WhatHasWaitedStaysCountedAsSentSoThatCountersOnlyGrow) {
    Path path = asked();
    path.engine.on_unsent(path.now, path.probes()[0], false);
    EXPECT_EQ(path.engine.counters().probes_unsent, 1U);
    EXPECT_EQ(path.engine.counters().probes_sent, 2U);
}

}  // namespace
}  // namespace finwait::engine::testing
