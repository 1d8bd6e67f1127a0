// After a loss: flows catch up by what conntrack has seen, and by asking their sides.

#include "support/path.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

Options patient(Options options = all_packets()) {
    policy::Timeouts t;
    t.fin_wait_2 = minutes(5);
    t.probe_interval = seconds(1);
    t.probe_attempts = 3;
    options.tuning.policies = policy::PolicySet({}, t);
    return options;
}

/// Half-closed, then segments pass unseen.
Path after_loss(Options options = patient()) {
    Path path(std::move(options));
    path.client_half_closed();
    path.engine.on_loss(path.now, 1);
    return path;
}

Hint hint(Belief belief, std::uint16_t port = 40000) {
    return {{*tcp::Address::parse("10.99.1.2"), port}, {*tcp::Address::parse("10.99.2.2"), 80}, belief};
}

bool told(Path& path, Belief belief) {
    path.wait(seconds(1));
    return path.engine.on_hint(path.now, path.now, hint(belief));
}

std::string states(const Path& path) {
    const FlowReport f = path.flow();
    return std::string(name(f.subject.client_state)) + "/" + std::string(name(f.subject.server_state));
}

TEST(Catchup, AHalfClosedFlowIsAskedSoonAndItsAnswersMakeItExactAgain) {
    Path path = after_loss();
    path.wait(seconds(1));
    EXPECT_THAT(path.probes(), IsEmpty());
    path.wait(milliseconds(1500));
    ASSERT_THAT(path.probes(), SizeIs(2));
    EXPECT_EQ(path.server(ack(5001, 1002)), Verdict::accept) << "what its peer was told last is not known";
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::accept);
    EXPECT_TRUE(path.flow().side[0].exact);
    EXPECT_TRUE(path.flow().side[1].exact);
    path.wait(milliseconds(10));
    EXPECT_EQ(path.flow().subject.phase, flow::Phase::watching);
    EXPECT_GT(*path.flow().expires_in, minutes(4)) << "its own time goes on";
    path.wait(minutes(2));
    EXPECT_THAT(path.probes(), SizeIs(2));
}

TEST(Catchup, AnAnswerThatShowsUnseenDataIsProgressAndTheOtherSideIsAskedAgain) {
    Path path = after_loss();
    path.wait(seconds(3));
    path.server(ack(5501, 1002));
    path.wait(milliseconds(1500));
    ASSERT_GE(path.probes().size(), 3U);
    path.client(ack(1002, 5501));
    path.wait(seconds(3));
    path.server(ack(5501, 1002));
    EXPECT_TRUE(path.flow().side[0].exact);
    EXPECT_TRUE(path.flow().side[1].exact);
    EXPECT_LT(*path.flow().subject.idle, seconds(10));
}

TEST(Catchup, AFlowThatLooksHalfClosedForOneFinPassedUnseenIsAskedWhenConntrackSaysThatItIsOver) {
    Path path(patient());
    path.handshake();
    path.engine.on_loss(path.now, 1);  // and with it the server's FIN
    path.client(fin(1001, 5002));
    path.server(ack(5002, 1002));
    EXPECT_EQ(states(path), "fin-wait-2/close-wait");
    path.wait(seconds(3));
    EXPECT_THAT(path.probes(), IsEmpty());
    EXPECT_TRUE(told(path, Belief::over));
    path.wait(milliseconds(10));
    EXPECT_THAT(path.probes(), SizeIs(2));
    path.client(rst(1002));
    path.wait(milliseconds(10));
    EXPECT_EQ(states(path), "closed/closed");
}

TEST(Catchup, AHalfCloseOfWhichNothingWasLostIsProvenWhateverConntrackSays) {
    Path path(patient());
    path.engine.on_loss(path.now, 1);
    path.wait(seconds(30));
    path.client_half_closed();
    for (const Belief belief : {Belief::over, Belief::reset})
        EXPECT_TRUE(told(path, belief));
    path.wait(seconds(3));
    EXPECT_THAT(path.probes(), IsEmpty());
    EXPECT_TRUE(path.flow().side[0].exact);
    EXPECT_TRUE(path.flow().side[1].exact);
}

TEST(Catchup, SilenceBeforeItsTimeIsUpEndsNothing) {
    Path path = after_loss();
    path.wait(seconds(30));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_EQ(states(path), "fin-wait-2/close-wait");
}

TEST(Catchup, NobodyIsAskedWhereNothingMayBeSent) {
    Options options = patient();
    options.tuning.observe = true;
    Path path = after_loss(options);
    path.wait(seconds(10));
    EXPECT_THAT(path.probes(), IsEmpty());
}

TEST(Catchup, AHalfCloseIsSureOnlyWhenItIsProvenAndNothingOfItIsOnItsWay) {
    Path path(patient());
    path.client_half_closed();
    const auto surely = [&path] {
        const policy::Subject& s = path.flow().subject;
        return path.engine.surely_half_closed(path.now, s.server, s.client);
    };
    EXPECT_FALSE(surely()) << "the other FIN may be on its way";
    path.wait(seconds(2));
    EXPECT_TRUE(surely());
    path.engine.on_loss(path.now, 1);
    EXPECT_FALSE(surely()) << "it may have passed unseen";
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(seconds(2));
    EXPECT_TRUE(surely());
    path.server(fin(5001, 1002));
    path.wait(seconds(2));
    EXPECT_FALSE(surely());
}

TEST(Catchup, OnHoldNobodyIsAskedEndedOrForgotten) {
    Path path(patient());
    path.client_half_closed();
    path.engine.hold();
    path.wait(std::chrono::hours(24));
    EXPECT_THAT(path.sends(), IsEmpty());
    EXPECT_EQ(states(path), "fin-wait-2/close-wait");
    const auto explanation = path.engine.explain(path.now, path.flow().id);
    ASSERT_TRUE(explanation);
    EXPECT_EQ(explanation->hindrance, Hindrance::on_hold);
    EXPECT_THAT(explanation->unanswered, IsEmpty());
    path.engine.go_on(path.now, false);
    EXPECT_EQ(path.engine.explain(path.now, path.flow().id)->hindrance, Hindrance::none);
}

TEST(Catchup, WhereNothingWasMissedOnHoldItsTimeGoesOn) {
    Path path(patient());
    path.client_half_closed();
    path.engine.hold();
    path.wait(minutes(1));
    path.engine.go_on(path.now, false);
    EXPECT_TRUE(path.flow().side[0].exact);
    path.wait(minutes(3));
    EXPECT_THAT(path.sends(), IsEmpty());
    path.wait(minutes(1));
    EXPECT_THAT(path.probes(), SizeIs(2));
}

TEST(Catchup, SilenceOnHoldIsNoAnswer) {
    Path path(patient());
    path.client_half_closed();
    path.wait(minutes(5));
    path.server(ack(5001, 1002));  // and the client's answer passes unseen, as do all to come
    path.wait(milliseconds(2500));
    ASSERT_THAT(path.probes(), SizeIs(4));
    path.engine.hold();
    path.wait(minutes(10));
    path.engine.go_on(path.now, true);
    path.wait(milliseconds(500));
    EXPECT_THAT(path.resets(), IsEmpty()) << "two attempts have gone unanswered, and the third began on hold";
    ASSERT_GE(path.probes().size(), 6U) << "both are asked anew";
    path.server(ack(5001, 1002));
    path.client(ack(1002, 5001));
    path.wait(minutes(1));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Catchup, ADecidedResetDoesNotLeaveAfterAHold) {
    policy::Timeouts t;
    t.fin_wait_2 = minutes(5);
    t.on_expiry = policy::OnExpiry::reset;
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet({}, t);
    Path path(options);
    path.client_half_closed();
    path.engine.hold();
    path.wait(minutes(10));
    path.engine.go_on(path.now, true);
    path.wait(milliseconds(500));
    EXPECT_THAT(path.resets(), IsEmpty());
    ASSERT_THAT(path.probes(), SizeIs(2)) << "they are asked first, whatever the policy";
    path.server(ack(5501, 1002));
    path.client(ack(1002, 5501));
    path.wait(minutes(4));
    EXPECT_THAT(path.resets(), IsEmpty()) << "what passed unseen was progress";
}

TEST(Catchup, AFlowThatWasNotHeardIsAskedAnewAndNotReset) {
    Path path(patient());
    path.client_half_closed();
    path.wait(minutes(5));
    ASSERT_THAT(path.probes(), SizeIs(2));
    path.wait(seconds(1));
    path.engine.on_unseen(path.now, path.flow().id);
    path.wait(milliseconds(10));
    const std::size_t before = path.probes().size();
    EXPECT_EQ(before, 6U) << "both are asked anew";
    path.server(ack(5501, 1002));
    path.client(ack(1002, 5501));
    path.wait(minutes(4));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_TRUE(path.flow().side[0].exact);
}

TEST(Catchup, WhereNobodyIsHeardForLongNothingIsAskedInHaste) {
    Path path(patient());
    path.client_half_closed();
    path.wait(minutes(5));
    for (int i = 0; i < 10; ++i) {
        path.engine.on_unseen(path.now, path.flow().id);
        path.wait(seconds(2));
    }
    EXPECT_LE(path.probes().size(), 8U);
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Catchup, ManyAreAskedOneAfterAnother) {
    Options options = patient();
    options.max_flows = 10'000;
    Path path(options);
    for (std::uint16_t i = 0; i < 8000; ++i) {
        path.use_port(static_cast<std::uint16_t>(20000 + i));
        path.client_half_closed();
    }
    path.engine.on_loss(path.now, 1);
    path.wait(milliseconds(3000));
    EXPECT_NEAR(static_cast<double>(path.engine.counters().probes_sent), 2 * 2000, 200);
}

TEST(Catchup, LossesThatGoOnDoNotAskTheSameFlowsAgainAndAgain) {
    Path path(patient());
    path.client_half_closed();
    for (int i = 0; i < 90; ++i) {
        path.engine.on_loss(path.now, 1);
        path.wait(milliseconds(100));
        if (path.engine.counters().probes_sent % 2 == 0) {
            path.server(ack(5001, 1002));
            path.client(ack(1002, 5001));
        }
    }
    EXPECT_LE(path.engine.counters().probes_sent, 4U);
}

TEST(Catchup, AnOpenFlowThatHasHalfClosedUnseenIsBelievedAndAsked) {
    Path path(patient(selective()));
    path.handshake();
    path.engine.on_loss(path.now, 3);
    EXPECT_TRUE(told(path, Belief::answerer_closed));
    EXPECT_EQ(states(path), "close-wait/fin-wait-2");
    EXPECT_EQ(path.engine.gauges().fast_path, 0U);
    path.wait(seconds(1));
    ASSERT_THAT(path.probes(), SizeIs(2));
    path.server(ack(7002, 3000));
    path.client(ack(3000, 7002));
    path.wait(milliseconds(10));
    EXPECT_TRUE(path.flow().side[0].exact);
    EXPECT_TRUE(path.flow().side[1].exact);
    EXPECT_EQ(path.flow().subject.phase, flow::Phase::watching);
    EXPECT_EQ(path.engine.gauges().half_closed, 1U);
}

TEST(Catchup, WhatConntrackHasSeenEndIsForgotten) {
    for (const Belief belief : {Belief::over, Belief::reset}) {
        Path path(patient(selective()));
        path.handshake();
        EXPECT_FALSE(told(path, belief));
        EXPECT_THAT(path.flows(), IsEmpty());
        EXPECT_EQ(path.engine.gauges().fast_path, 0U);
    }
}

TEST(Catchup, AHalfClosedFlowOutlivesAFinThatConntrackMayHaveTakenForTheOthers) {
    Path path = after_loss();
    EXPECT_TRUE(told(path, Belief::over));
    EXPECT_EQ(states(path), "fin-wait-2/close-wait");
}

TEST(Catchup, AnRstThatOnlyConntrackIsKnownToHaveTakenDoesNotEndAHalfClosedFlow) {
    Path path = after_loss();
    EXPECT_TRUE(told(path, Belief::reset));
    EXPECT_EQ(states(path), "fin-wait-2/close-wait");
}

TEST(Catchup, AHandshakeWhoseRestPassedUnseenIsComplete) {
    Path path(patient());
    path.client(syn(1000));
    path.engine.on_loss(path.now, 2);
    EXPECT_TRUE(told(path, Belief::open));
    EXPECT_EQ(states(path), "established/established");
    EXPECT_TRUE(path.flow().expires_in.value() > minutes(10));
}

TEST(Catchup, AFlowThatWasAdoptedTheWrongWayRoundIsTurned) {
    Path path(patient());
    path.server(data(5001, 1001, 10));
    path.client(ack(1001, 5011));
    EXPECT_EQ(path.flow().subject.client.port, 80);
    EXPECT_TRUE(told(path, Belief::opener_closed));
    EXPECT_EQ(path.flow().subject.client.port, 40000);
    EXPECT_EQ(states(path), "fin-wait-2/close-wait");
}

TEST(Catchup, WhatHasBeenHeardSinceConntrackWasAskedIsNotOverruled) {
    Path path(patient());
    path.handshake();
    const Instant seen = path.now;
    path.wait(seconds(1));
    path.client(data(1001, 5001, 10));
    EXPECT_TRUE(path.engine.on_hint(path.now, seen, hint(Belief::over)));
    EXPECT_EQ(states(path), "established/established");
}

TEST(Catchup, OfABusyFlowConntrackKnowsWhatIsStillQueued) {
    Path path(patient());
    path.handshake();
    path.wait(milliseconds(100));
    EXPECT_TRUE(path.engine.on_hint(path.now, path.now, hint(Belief::over)));
    EXPECT_EQ(states(path), "established/established");
}

TEST(Catchup, OpenFlowsThatConntrackDoesNotKnowAnyMoreAreForgotten) {
    Path path(patient(selective()));
    path.handshake();
    path.use_port(40001);
    path.handshake();
    path.wait(seconds(1));
    EXPECT_TRUE(path.engine.on_hint(path.now, path.now, hint(Belief::open)));
    path.engine.on_hints_complete(path.now);
    path.wait(seconds(1));
    EXPECT_EQ(path.flow().subject.client.port, 40000);
}

TEST(Catchup, AFlowThatNobodyKnowsIsSaidToBeUnknown) {
    Path path(patient());
    EXPECT_FALSE(told(path, Belief::opener_closed));
}

TEST(Catchup, AnotherConnectionOfTheSameEndsTakesAFinishedOnesPlace) {
    Path path(patient());
    path.client_half_closed();
    path.server(fin(5001, 1002));
    path.client(ack(1002, 5002));
    EXPECT_FALSE(told(path, Belief::open));
    EXPECT_THAT(path.flows(), IsEmpty());
}

}  // namespace
}  // namespace finwait::engine::testing
