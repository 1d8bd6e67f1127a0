// Flows that are older than the engine: taken over from what conntrack says, asked soon, and reset only by
// numbers that the sides have told.

#include "support/adopted.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

/// The client is said to have closed, and both sides have been asked.
Path asked(policy::OnExpiry on_expiry = policy::OnExpiry::probe, Duration idle = seconds(0)) {
    Path path(with(on_expiry));
    EXPECT_TRUE(path.engine.adopt(path.now, told(path, tcp::Role::client, idle)));
    path.wait(kSoon);
    EXPECT_THAT(path.probes(), SizeIs(2));
    return path;
}

TEST(Adoption, OneThatEndsWhileItIsAskedIsForetoldToEndAndNothingElse) {
    Path path = asked();
    path.server(ack(5001, 1002));
    path.server(syn_ack(5001, 1002));
    path.client(ack(1002, 5002));
    path.server(rst(5002));
    path.client(ack(1002, 5002));
    ASSERT_EQ(path.flow().subject.phase, policy::Phase::probing);
    const auto explanation = path.engine.explain(path.now, path.flow().id);
    ASSERT_TRUE(explanation);
    for (const auto& foretold : {explanation->unanswered, explanation->answered}) {
        ASSERT_THAT(foretold, SizeIs(1));
        EXPECT_EQ(foretold.front().turn, Turn::forget);
    }
}

TEST(Adoption, AnOpenConnectionIsOnTheFastPathUntilItsFin) {
    Path path(with(policy::OnExpiry::probe));
    ASSERT_TRUE(path.engine.adopt(path.now, told(path, std::nullopt)));
    const FlowReport flow = path.flow();
    EXPECT_TRUE(flow.adopted && flow.fast_path);
    EXPECT_EQ(flow.subject.client, kClient);
    EXPECT_EQ(flow.subject.client_state, tcp::State::established);
    EXPECT_EQ(path.engine.gauges().fast_path, 1U);
    EXPECT_EQ(path.server(data(1, 2, 3)), Verdict::accept) << "released this moment, as far as is known";
    path.wait(seconds(2));
    EXPECT_EQ(path.server(data(4, 2, 3)), Verdict::release) << "its bit was left by somebody else";
    path.client(fin(1001, 5001));
    path.server(ack(5001, 1002));
    EXPECT_EQ(path.flow().subject.closer, tcp::Role::client);
    EXPECT_EQ(path.engine.gauges().fast_path, 0U);
    EXPECT_THAT(path.probes(), IsEmpty());
}

TEST(Adoption, AnOpenConnectionIsNotForgottenWhereAllPacketsAreSeen) {
    Path path(all_packets());
    ASSERT_TRUE(path.engine.adopt(path.now, told(path, std::nullopt)));
    path.wait(minutes(10));
    EXPECT_EQ(path.flow().subject.client_state, tcp::State::established);
    path.client(data(1001, 5001, 10));
    path.server(ack(5001, 1011));
    EXPECT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested) << "its numbers are learnt";
}

TEST(Adoption, AHalfCloseIsAskedSoonAndSettledByTheAnswers) {
    Path path = asked();
    EXPECT_EQ(path.engine.counters().expired, 0U) << "its time is not up";
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::accept) << "what the server was told last is not known";
    EXPECT_EQ(path.server(ack(5001, 1002)), Verdict::accept);
    path.wait(seconds(50));
    const FlowReport flow = path.flow();
    EXPECT_EQ(flow.subject.phase, flow::Phase::watching);
    EXPECT_TRUE(flow.side[0].exact && flow.side[1].exact);
    EXPECT_THAT(path.probes(), SizeIs(2));
    path.wait(seconds(10));
    ASSERT_THAT(path.probes(), SizeIs(4));
    EXPECT_EQ(path.probes()[2].text(), "10.99.2.2:80 > 10.99.1.2:40000 ACK seq 5000 ack 1002 len 0");
    EXPECT_EQ(path.probes()[3].text(), "10.99.1.2:40000 > 10.99.2.2:80 ACK seq 1001 ack 5001 len 0");
}

TEST(Adoption, NobodyCanKnowTheNumbersThatItIsAskedWith) {
    Options other = with(policy::OnExpiry::probe);
    other.hash_key[0] = 6;
    Path path(other);
    EXPECT_TRUE(path.engine.adopt(path.now, told(path, tcp::Role::client)));
    path.wait(kSoon);
    EXPECT_NE(path.probes()[0].seq, asked().probes()[0].seq);
    EXPECT_EQ(path.flow().side[0].fin, std::nullopt) << "nor are they shown as the sides'";
}

TEST(Adoption, AQuestionThatDrewNothingIsAskedWithANumberFarAway) {
    Path path = asked();
    path.wait(seconds(2));
    ASSERT_THAT(path.probes(), SizeIs(4));
    EXPECT_EQ(path.probes()[2].seq, path.probes()[0].seq + (UINT32_C(1) << 31U));
}

TEST(Adoption, WhateverThePolicyAResetNeedsBothNumbers) {
    Path path = asked(policy::OnExpiry::reset, seconds(70));
    EXPECT_THAT(path.resets(), IsEmpty());
    path.server(ack(5001, 1002));
    path.wait(kSoon);
    EXPECT_THAT(path.resets(), IsEmpty());
    path.client(ack(1002, 5001));
    path.wait(seconds(1));
    ASSERT_EQ(path.flow().subject.phase, policy::Phase::probing) << "the FIN is only reported";
    path.client(ack(1002, 5001));
    path.wait(seconds(10));
    ASSERT_THAT(path.resets(), SizeIs(2)) << "the holder is silent now";
    EXPECT_EQ(path.resets()[0].text(), "10.99.2.2:80 > 10.99.1.2:40000 RST|ACK seq 5001 ack 1002 len 0");
    EXPECT_EQ(path.resets()[1].text(), "10.99.1.2:40000 > 10.99.2.2:80 RST|ACK seq 1002 ack 5001 len 0");
}

TEST(Adoption, NobodyIsResetWhereNobodyAnswers) {
    for (const auto on_expiry : {policy::OnExpiry::probe, policy::OnExpiry::reset}) {
        Path path = asked(on_expiry);
        path.wait(minutes(14));
        EXPECT_THAT(path.probes(), SizeIs(6));
        EXPECT_THAT(path.resets(), IsEmpty());
        EXPECT_EQ(path.flow().subject.closer, tcp::Role::client);
    }
}

TEST(Adoption, ASideThatTheNetworkReportsUnreachableIsNotSilent) {
    Path path = asked();
    path.client(ack(1002, 5001));
    path.wait(seconds(2));
    for (int i = 0; i < 2; ++i) {
        const tcp::Segment probe = path.probes().back();
        ASSERT_EQ(probe.destination, kServer);
        EXPECT_EQ(path.engine.on_unreachable({probe.source, probe.destination, probe.seq}), Verdict::drop);
        path.wait(seconds(2));
    }
    EXPECT_EQ(path.engine.counters().probes_unreachable, 2U);
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Adoption, WhoWasNotHeardYetIsAskedAgainByWhatTheOtherHasSaid) {
    Path path = asked();
    path.client(ack(1002, 5001));
    path.wait(seconds(2));
    ASSERT_THAT(path.probes(), SizeIs(3));
    EXPECT_EQ(path.probes()[2].text(), "10.99.1.2:40000 > 10.99.2.2:80 ACK seq 1001 ack 5001 len 0");
    EXPECT_EQ(path.server(rst(5001)), Verdict::accept) << "the real thing, which ends the other side";
    path.wait(seconds(1));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_THAT(path.flows("state fin-wait-2"), IsEmpty());
}

TEST(Adoption, OneThatIsSilentIsGivenItsTimeAndThenReset) {
    Path path = asked();
    path.client(ack(1002, 5001));
    path.wait(seconds(30));
    EXPECT_EQ(path.flow().subject.phase, flow::Phase::watching);
    EXPECT_THAT(path.resets(), IsEmpty()) << "its time is not up";
    path.wait(seconds(32));
    path.client(ack(1002, 5001));
    path.wait(seconds(10));
    ASSERT_THAT(path.resets(), SizeIs(2));
    EXPECT_EQ(path.resets()[0].seq, tcp::Seq(5001));
    EXPECT_EQ(path.resets()[1].seq, tcp::Seq(1002));
}

TEST(Adoption, WhereOneSideIsGoneTheOtherIsResetByItsOwnNumber) {
    for (const bool first : {true, false}) {
        Path path = asked();
        const tcp::Seq number = to(path, kServer).ack;
        if (!first) path.client(ack(1002, 5001));
        EXPECT_EQ(path.server(rst(number.value())), Verdict::drop) << "it has a number of ours";
        if (first) path.client(ack(1002, 5001));
        path.wait(seconds(2));
        ASSERT_THAT(path.resets(), SizeIs(1));
        EXPECT_EQ(path.resets()[0].text(), "10.99.2.2:80 > 10.99.1.2:40000 RST|ACK seq 5001 ack 1002 len 0");
        path.client(rst(1002));
        path.wait(seconds(1));
        EXPECT_EQ(path.engine.counters().resets_confirmed, 1U);
    }
}

TEST(Adoption, WhoSendsDataAfterItsRstIsNotGone) {
    Path path = asked();
    path.client(ack(1002, 5001));
    EXPECT_EQ(path.server(rst(to(path, kServer).ack.value())), Verdict::drop);
    path.server(data(5001, 1002, 10));
    path.client(ack(1002, 5011));
    path.wait(seconds(10));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Adoption, AnRstWithAnotherNumberIsNoAnswer) {
    Path path = asked();
    EXPECT_EQ(path.server(rst(to(path, kServer).ack.value() + 1)), Verdict::accept);
    path.client(ack(1002, 5001));
    path.wait(kSoon);
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Adoption, WhereNeitherConnectionExistsNothingIsLeftToDo) {
    Path path = asked();
    path.server(rst(to(path, kServer).ack.value()));
    path.client(rst(to(path, kClient).ack.value()));
    path.wait(seconds(1));
    EXPECT_THAT(path.flows("state fin-wait-2"), IsEmpty());
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Adoption, AConnectionThatIsInUseAfterAllIsFollowedAsOpen) {
    Path path = asked(policy::OnExpiry::reset);
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.client(data(1002, 5001, 10));
    path.server(data(5001, 1012, 10));
    EXPECT_EQ(path.flow().subject.client_state, tcp::State::established);
    EXPECT_EQ(path.flow().subject.server_state, tcp::State::established);
    EXPECT_EQ(path.engine.gauges().half_closed, 0U);
    path.wait(minutes(30));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Adoption, WhoseSidesDisagreeIsNotHalfClosed) {
    Path path = asked(policy::OnExpiry::reset);
    path.client(ack(1002, 5001));
    path.server(ack(5001, 900));
    EXPECT_EQ(path.flow().subject.closer, std::nullopt);
    EXPECT_EQ(path.engine.gauges().half_closed, 0U);
    path.wait(minutes(30));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Adoption, WhoOnlyObservesAsksNobody) {
    Options options = with(policy::OnExpiry::probe);
    options.tuning.observe = true;
    Path path(options);
    EXPECT_TRUE(path.engine.adopt(path.now, told(path, tcp::Role::client)));
    path.wait(seconds(59));
    EXPECT_EQ(path.engine.counters().observed, 0U);
    path.wait(seconds(10));
    EXPECT_EQ(path.engine.counters().observed, 1U);
    EXPECT_THAT(path.probes(), IsEmpty());
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Adoption, APolicyThatOnlyObservesAsksNobodyEither) {
    Path path(with(policy::OnExpiry::observe));
    EXPECT_TRUE(path.engine.adopt(path.now, told(path, tcp::Role::client)));
    path.wait(seconds(70));
    EXPECT_EQ(path.engine.counters().observed, 1U);
    EXPECT_THAT(path.probes(), IsEmpty());
}

TEST(Adoption, AKillAsksFirst) {
    Path path(with(policy::OnExpiry::probe));
    EXPECT_TRUE(path.engine.adopt(path.now, told(path, tcp::Role::client)));
    EXPECT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested);
    path.wait(milliseconds(10));
    EXPECT_THAT(path.probes(), SizeIs(2));
    EXPECT_THAT(path.resets(), IsEmpty());
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(seconds(1));
    EXPECT_THAT(path.resets(), SizeIs(2));
}

TEST(Adoption, ThousandsAreNotAskedAtOnce) {
    Options options = with(policy::OnExpiry::probe);
    options.tuning.probes_per_second = 200;
    Path path(options);
    for (std::uint16_t i = 0; i < 500; ++i) {
        Adoptee one = told(path, tcp::Role::server);
        one.client.port = static_cast<std::uint16_t>(10000 + i);
        EXPECT_TRUE(path.engine.adopt(path.now, one));
    }
    path.wait(milliseconds(1600));
    EXPECT_NEAR(static_cast<double>(path.probes().size()), 200, 20);
}

TEST(Adoption, AFullTableTakesNoMoreAndGivesUpNothingForIt) {
    Options options = with(policy::OnExpiry::probe);
    options.max_flows = 1;
    Path path(options);
    path.use_port(50000);
    path.client(syn(1000));
    EXPECT_FALSE(path.engine.adopt(path.now, told(path, std::nullopt)));
    EXPECT_EQ(path.flow().subject.client_state, tcp::State::syn_sent);
}

TEST(Adoption, AFlowPickedUpMeanwhileGetsItsRolesAndItsStates) {
    Path path(with(policy::OnExpiry::probe));
    path.server(fin(5001, 1001));
    EXPECT_EQ(path.flow().subject.client, kServer) << "whoever speaks first is taken for the client";
    EXPECT_TRUE(path.engine.adopt_known(path.now, told(path, std::nullopt)));
    path.client(ack(1001, 5002));
    const FlowReport flow = path.flow();
    EXPECT_EQ(flow.subject.client, kClient);
    EXPECT_EQ(flow.subject.closer, tcp::Role::server);
    EXPECT_EQ(path.engine.gauges().half_closed, 1U);
    const Gauges g = path.engine.gauges();
    EXPECT_EQ(g.sides[0][static_cast<std::size_t>(tcp::State::close_wait)], 1U);
    EXPECT_EQ(g.sides[1][static_cast<std::size_t>(tcp::State::fin_wait_2)], 1U);
}

TEST(Adoption, AFlowPickedUpMeanwhileIsAskedToo) {
    Path path(with(policy::OnExpiry::probe));
    path.server(ack(5001, 1002));
    EXPECT_TRUE(path.engine.adopt_known(path.now, told(path, tcp::Role::client)));
    EXPECT_EQ(path.flow().subject.closer, tcp::Role::client);
    path.wait(kSoon);
    EXPECT_THAT(path.probes(), SizeIs(2));
}

TEST(Adoption, AConnectionThatIsHeardWhileItIsAdoptedIsNotThereTwice) {
    Path path(with(policy::OnExpiry::probe));
    path.server(data(5001, 1001, 10));
    EXPECT_TRUE(path.engine.adopt(path.now, told(path, tcp::Role::client)));
    EXPECT_THAT(path.flows(), SizeIs(1));
    EXPECT_EQ(path.flow().subject.closer, tcp::Role::client);
}

TEST(Adoption, WhatIsKnownFromItsBeginningIsLeftAsItIs) {
    Path path(with(policy::OnExpiry::probe));
    path.handshake();
    EXPECT_TRUE(path.engine.adopt_known(path.now, told(path, tcp::Role::client)));
    EXPECT_EQ(path.flow().subject.closer, std::nullopt);
    EXPECT_FALSE(path.flow().adopted);
    EXPECT_FALSE(path.engine.adopt_known(path.now, {kServer, {kClient.address, 1}, {}, path.now, path.now}));
}

}  // namespace
}  // namespace finwait::engine::testing
