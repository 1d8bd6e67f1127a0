#include "support/path.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

Options with_timeouts(policy::Timeouts timeouts, Options options = all_packets()) {
    options.tuning.policies = policy::PolicySet({}, timeouts);
    return options;
}

policy::Timeouts quick() {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(3);
    t.on_expiry = policy::OnExpiry::reset;
    return t;
}

TEST(Reaping, AnIdleHalfCloseIsResetOnBothSidesAtTheExactNumbers) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    path.wait(milliseconds(2900));
    EXPECT_THAT(path.resets(), IsEmpty());
    path.wait(milliseconds(200));
    const auto sent = path.resets();
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_EQ(sent[0].text(), "10.99.2.2:80 > 10.99.1.2:40000 RST|ACK seq 5001 ack 1002 len 0");
    EXPECT_EQ(sent[1].text(), "10.99.1.2:40000 > 10.99.2.2:80 RST|ACK seq 1002 ack 5001 len 0");
    EXPECT_EQ(path.engine.counters().resets_sent, 2U);
    EXPECT_THAT(path.events(), Contains(EventType::reset));
}

TEST(Reaping, TheRstComesWithinTwentyMillisecondsOfItsDeadline) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    path.wait(seconds(3) + milliseconds(20));
    EXPECT_EQ(path.resets().size(), 2U);
}

TEST(Reaping, AResetThatNothingContradictsIsUnconfirmedAndTheFlowGoes) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    path.wait(seconds(8));
    EXPECT_EQ(path.engine.counters().resets_unconfirmed, 1U);
    EXPECT_EQ(path.probes().size(), 6U);
    EXPECT_EQ(path.flow().subject.client_state, tcp::State::closed);
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::gone);
    path.wait(seconds(20));
    EXPECT_THAT(path.flows(), IsEmpty());
    EXPECT_EQ(path.engine.gauges().flows, 0U);
}

TEST(Reaping, AResetIsConfirmedWhenAProbeDrawsRstFromBothSides) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    path.wait(milliseconds(3700));
    ASSERT_EQ(path.probes().size(), 2U);
    EXPECT_EQ(path.client(rst(1002)), Verdict::drop);
    EXPECT_EQ(path.server(rst(5001)), Verdict::drop);
    path.wait(milliseconds(10));
    EXPECT_EQ(path.engine.counters().resets_confirmed, 1U);
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::gone);
}

TEST(Reaping, ALostRstIsFoundOutByTheProbeAndSentAgain) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    path.wait(milliseconds(3700));
    path.client(rst(1002));
    EXPECT_EQ(path.server(ack(5001, 1002)), Verdict::drop);
    path.wait(milliseconds(10));
    ASSERT_EQ(path.resets().size(), 3U);
    EXPECT_EQ(path.resets()[2].destination.port, 80);
    path.wait(milliseconds(700));
    path.server(rst(5001));
    path.wait(milliseconds(10));
    EXPECT_EQ(path.engine.counters().resets_confirmed, 1U);
}

TEST(Reaping, AChallengeAckHasTheLastWordOnTheNumber) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    path.wait(milliseconds(3100));
    EXPECT_EQ(path.server(ack(5001, 990)), Verdict::drop);
    path.wait(milliseconds(10));
    ASSERT_EQ(path.resets().size(), 4U);
    EXPECT_EQ(path.resets()[3].seq, tcp::Seq(990));
}

TEST(Reaping, DataTowardsTheCloserKeepsTheFlow) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    for (std::uint32_t i = 0; i < 15; ++i) {
        path.wait(seconds(1));
        path.server(data(5001 + i, 1002, 1));
        path.client(ack(1002, 5002 + i));
    }
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Reaping, KeepalivesAloneDoNotKeepTheFlow) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    for (int i = 0; i < 6; ++i) {
        path.server(ack(5000, 1002));
        path.client(ack(1002, 5001));
        path.wait(milliseconds(700));
    }
    path.wait(seconds(2));
    EXPECT_EQ(path.resets().size(), 2U);
}

TEST(Reaping, NothingIsResetWhileDataIsNotAcknowledged) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    path.server(data(5001, 1002, 1000));
    path.wait(seconds(30));
    EXPECT_THAT(path.resets(), IsEmpty());
    path.client(ack(1002, 6001));
    path.wait(seconds(4));
    EXPECT_EQ(path.resets().size(), 2U);
}

TEST(Reaping, ARepeatedFinStopsTheClockUntilItIsAcknowledgedAgain) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    path.wait(seconds(2));
    path.client(fin(1001, 5001));
    path.wait(seconds(2));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Reaping, ASideThatOutlivesEveryRstIsCountedAsRefused) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    path.wait(milliseconds(3100));
    for (int i = 0; i < 10; ++i) {
        path.server(ack(5001, 1002));
        path.wait(milliseconds(150));
    }
    EXPECT_EQ(path.engine.counters().resets_refused, 1U);
    EXPECT_EQ(path.resets().size(), 10U);
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::watching);
}

TEST(Reaping, FinWait2MaxEndsABusyHalfCloseInAQuietMoment) {
    auto timeouts = quick();
    timeouts.fin_wait_2_max = seconds(10);
    Path path(with_timeouts(timeouts));
    path.client_half_closed();
    for (std::uint32_t i = 0; i < 6; ++i) {
        path.wait(milliseconds(1500));
        path.server(data(5001 + i, 1002, 1));
        path.client(ack(1002, 5002 + i));
    }
    EXPECT_THAT(path.resets(), IsEmpty());
    path.wait(milliseconds(1500));
    EXPECT_EQ(path.resets().size(), 2U);
}

TEST(Reaping, OnlyTheChosenSideIsReset) {
    auto timeouts = quick();
    timeouts.reset = policy::ResetSides::holder;
    Path path(with_timeouts(timeouts));
    path.client_half_closed();
    path.wait(seconds(4));
    ASSERT_EQ(path.resets().size(), 1U);
    EXPECT_EQ(path.resets()[0].destination.port, 80);
}

TEST(Reaping, AfterUnseenPacketsNothingIsResetBeforeBothSidesWereHeard) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    path.engine.on_loss(path.now, 5);
    path.wait(seconds(10));
    EXPECT_THAT(path.resets(), IsEmpty());
    path.server(ack(5001, 1002));
    path.client(ack(1002, 5001));
    path.wait(seconds(10));
    EXPECT_EQ(path.resets().size(), 2U);
}

TEST(Reaping, ResetsKeepToTheirRate) {
    Options options = with_timeouts(quick());
    options.tuning.resets_per_second = 100;
    Path path(options);
    for (std::uint16_t i = 0; i < 200; ++i) {
        path.use_port(static_cast<std::uint16_t>(10000 + i));
        path.client_half_closed();
    }
    path.wait(seconds(3) + milliseconds(510));
    EXPECT_NEAR(static_cast<double>(path.resets().size()) / 2, 50, 5);
    path.wait(milliseconds(500));
    EXPECT_NEAR(static_cast<double>(path.resets().size()) / 2, 100, 5);
    path.wait(seconds(2));
    EXPECT_EQ(path.resets().size(), 400U);
    EXPECT_GT(path.engine.counters().resets_delayed, 100U);
}

TEST(Reaping, ResetsKeepToTheirRateHoweverFarAheadTheirPlacesAre) {
    Options options = with_timeouts(quick());
    options.tuning.resets_per_second = 100;
    options.max_flows = 4000;
    Path path(options);
    for (std::uint16_t i = 0; i < 2000; ++i) {
        path.use_port(static_cast<std::uint16_t>(10000 + i));
        path.client_half_closed();
    }
    path.wait(seconds(3));
    for (int tenth = 1; tenth <= 199; ++tenth) {
        path.wait(milliseconds(100));
        EXPECT_NEAR(static_cast<double>(path.resets().size()) / 2, 10 * tenth, 4);
    }
}

TEST(Reaping, AnOperatorsKillDoesNotWaitForTheTimeout) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    path.wait(milliseconds(1100));
    EXPECT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested);
    path.wait(milliseconds(20));
    EXPECT_EQ(path.resets().size(), 2U);
}

TEST(Reaping, AFlowOnTheFastPathCannotBeKilledExactly) {
    Path path(with_timeouts(quick(), selective()));
    path.handshake();
    EXPECT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::not_exact);
    EXPECT_EQ(path.engine.kill(path.now, FlowId{7, 7}), KillResult::not_found);
}

TEST(Reaping, AnAdoptedFlowOfWhichNothingIsProvenIsLeftAlone) {
    Path path(with_timeouts(quick()));
    path.client(fin(1001, 5001));
    path.server(ack(5001, 1002));
    path.wait(seconds(60));
    EXPECT_THAT(path.resets(), IsEmpty());
}

tcp::Segment with_option(tcp::Segment s, std::uint8_t option) {
    s.options |= option;
    return s;
}

TEST(Reaping, ASignedFlowIsOnlyReported) {
    for (const std::uint8_t option : {tcp::option::md5, tcp::option::ao}) {
        Path path(with_timeouts(quick()));
        path.client(with_option(syn(1000), option));
        path.server(with_option(syn_ack(5000, 1001), option));
        path.client(with_option(ack(1001, 5001), option));
        path.client(with_option(fin(1001, 5001), option));
        path.server(with_option(ack(5001, 1002), option));
        path.wait(seconds(60));
        EXPECT_EQ(path.flow().subject.closer, tcp::Role::client);
        EXPECT_THAT(path.resets(), IsEmpty());
        EXPECT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::untouchable);
    }
}

TEST(Reaping, ASegmentThatLooksSignedProtectsNothingAndChangesNothing) {
    for (const std::uint8_t option : {tcp::option::md5, tcp::option::ao, tcp::option::mptcp}) {
        for (const bool by_client : {true, false}) {
            Path path(with_timeouts(quick()));
            path.handshake();
            by_client ? path.client(with_option(ack(1001, 5001), option))
                      : path.server(with_option(ack(5001, 1001), option));
            path.client(fin(1001, 5001));
            by_client ? path.client(with_option(ack(1002, 5001), option))
                      : path.server(with_option(ack(5001, 1002), option));
            path.server(ack(5001, 1002));
            path.wait(seconds(4));
            EXPECT_THAT(path.resets(), Not(IsEmpty()));
        }
    }
}

TEST(Reaping, ASignedAnswerOfAnUnsignedFlowIsNoAnswer) {
    policy::Timeouts timeouts = quick();
    timeouts.on_expiry = policy::OnExpiry::probe;
    Path path(with_timeouts(timeouts));
    path.client_half_closed();
    while (path.probes().empty())
        path.wait(milliseconds(100));
    const Counters before = path.engine.counters();
    EXPECT_EQ(path.server(with_option(ack(5001, 1002), tcp::option::md5)), Verdict::accept);
    EXPECT_EQ(path.engine.counters().packets_invalid, before.packets_invalid + 1);
    EXPECT_EQ(path.engine.counters().answers, before.answers);
}

TEST(Reaping, AnAmbiguousFlowIsOnlyReported) {
    for (const bool requested : {false, true}) {
        const auto why = requested ? flow::Ambiguity::ends : flow::Ambiguity::numbers;
        Path path(with_timeouts(quick()));
        path.client_half_closed();
        if (requested) {
            EXPECT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested);
        }
        path.engine.on_ambiguous(path.flow().id, why);
        path.engine.on_ambiguous(path.flow().id, why);
        path.wait(std::chrono::hours(2));
        EXPECT_THAT(path.resets(), IsEmpty());
        EXPECT_EQ(path.engine.counters().probes_sent, 0U);
        EXPECT_EQ(path.engine.counters().shifted, requested ? 0U : 1U);
        EXPECT_EQ(path.engine.counters().shared, requested ? 1U : 0U);
        EXPECT_EQ(path.flow().subject.closer, tcp::Role::client) << "it is still listed";
        EXPECT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::untouchable);
        const auto explanation = path.engine.explain(path.now, path.flow().id);
        ASSERT_TRUE(explanation);
        EXPECT_EQ(explanation->ambiguity, why);
        EXPECT_EQ(explanation->hindrance, Hindrance::untouchable);
    }
}

TEST(Reaping, AMultipathSubflowIsOnlyReportedWhenBothSidesUseIt) {
    for (const bool both : {false, true}) {
        Path path(with_timeouts(quick()));
        tcp::Segment offer = syn(1000);
        offer.options = tcp::option::mptcp;
        tcp::Segment answer = syn_ack(5000, 1001);
        answer.options = both ? tcp::option::mptcp : std::uint8_t{0};
        path.client(offer);
        path.server(answer);
        path.client(ack(1001, 5001));
        path.client(fin(1001, 5001));
        path.server(ack(5001, 1002));
        path.wait(seconds(4));
        EXPECT_EQ(path.resets().empty(), both);
    }
}

TEST(Reaping, AZeroWindowForHoursIsAliveAndNotIdleDeath) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    path.server(data(5001, 1002, 1000));
    tcp::Segment closed = ack(1002, 6001);
    closed.window = 0;
    path.client(closed);
    for (int probes = 0; probes < 100; ++probes) {
        path.wait(std::chrono::minutes(2));
        path.server(ack(6000, 1002));
        path.client(closed);
    }
    EXPECT_THAT(path.resets(), IsEmpty());
    path.client(ack(1002, 6001));
    path.wait(std::chrono::minutes(1));
    EXPECT_EQ(path.resets().size(), 2U);
}

TEST(Reaping, OurOwnRstOnTheQueueClosesTheFlowAndDrawsNothing) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    path.wait(seconds(3) + milliseconds(20));
    ASSERT_EQ(path.resets().size(), 2U);
    const auto own = path.resets();
    path.server(own[0]);
    path.client(own[1]);
    path.wait(seconds(60));
    EXPECT_EQ(path.resets().size(), 2U);
    EXPECT_THAT(path.flows(), IsEmpty());
}

TEST(Reaping, TheSecondPolicyThatMatchesIsNotUsed) {
    policy::Timeouts slow;
    slow.fin_wait_2 = seconds(100);
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet(
        {{"mine", std::get<policy::Filter>(policy::Filter::parse("port 80 and closer client")), quick()},
         {"later", std::get<policy::Filter>(policy::Filter::parse("port 80")), slow}},
        slow);
    Path path(options);
    path.client_half_closed();
    EXPECT_EQ(path.flow().subject.policy, "mine");
    path.wait(seconds(4));
    EXPECT_EQ(path.resets().size(), 2U);
}

TEST(Reaping, AResetThatWaitsToLeaveIsNotJudgedBefore) {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(3);
    t.on_expiry = policy::OnExpiry::reset;
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet({}, t);
    Path path(options);
    path.client_half_closed();
    path.wait(milliseconds(3100));
    ASSERT_EQ(path.resets().size(), 2U);
    path.engine.hold(path.now, path.flow().id);
    path.wait(minutes(1));
    EXPECT_EQ(path.probes().size(), 0U);
    EXPECT_EQ(path.engine.counters().resets_unconfirmed, 0U);
    path.engine.let_go(path.now, path.flow().id);
    path.wait(seconds(1));
    EXPECT_EQ(path.probes().size(), 2U);
}

}  // namespace
}  // namespace finwait::engine::testing
