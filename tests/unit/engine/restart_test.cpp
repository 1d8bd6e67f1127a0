// A restart: what an engine has saved, another one takes over.
#include "support/restarted.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// What conntrack says may be the closer's repeated FIN: nobody is ended by it.
TEST(Restart, AHalfClosedFlowThatConntrackHasSeenEndIsAskedBeforeItsTime) {
    Path path = restarted(half_closed(policy::OnExpiry::probe), with(policy::OnExpiry::probe));
    const Hint over{
        {*tcp::Address::parse("10.99.1.2"), 40000}, {*tcp::Address::parse("10.99.2.2"), 80}, Belief::over};
    EXPECT_TRUE(path.engine.on_hint(path.now, path.now, over));
    EXPECT_EQ(path.flow().subject.closer, tcp::Role::client);
    path.wait(milliseconds(100));
    EXPECT_THAT(path.probes(), SizeIs(2));
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(seconds(2));
    EXPECT_EQ(path.flow().subject.closer, tcp::Role::client);
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Restart, AFlowIsTheSameBeforeAndAfter) {
    Path before(with(policy::OnExpiry::reset));
    before.client_half_closed();
    before.wait(seconds(3));
    const FlowReport was = before.flow();
    const Path after = restarted(before, with(policy::OnExpiry::reset), seconds(1));
    const FlowReport is = after.flow();
    EXPECT_EQ(is.id, was.id);
    EXPECT_EQ(is.subject.client, was.subject.client);
    EXPECT_EQ(is.subject.client_state, tcp::State::fin_wait_2);
    EXPECT_EQ(is.subject.server_state, tcp::State::close_wait);
    EXPECT_EQ(is.subject.closer, was.subject.closer);
    EXPECT_EQ(is.subject.age, was.subject.age + seconds(1));
    EXPECT_EQ(*is.subject.idle, *was.subject.idle + seconds(1));
    EXPECT_EQ(*is.expires_in, *was.expires_in - seconds(1));
    EXPECT_EQ(is.opened, was.opened);
    ASSERT_EQ(is.trail.size(), was.trail.size());
    for (std::size_t i = 0; i < is.trail.size(); ++i) {
        EXPECT_EQ(is.trail[i].at, was.trail[i].at);
        EXPECT_EQ(is.trail[i].state, was.trail[i].state);
        EXPECT_EQ(is.trail[i].seq, was.trail[i].seq);
        EXPECT_EQ(is.trail[i].flags, was.trail[i].flags);
    }
    EXPECT_EQ(after.engine.gauges().half_closed, 1U);
    EXPECT_EQ(after.engine.policy_counts()[0].flows, 1U);
}

TEST(Restart, AFlowThatIsStillTheSameIsAskedAndThenResetAtItsTime) {
    Path after = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset), seconds(1));
    after.wait(milliseconds(1900));
    EXPECT_THAT(after.probes(), IsEmpty());
    after.wait(milliseconds(200));
    ASSERT_THAT(after.probes(), SizeIs(2));
    EXPECT_THAT(after.resets(), IsEmpty()) << "its numbers are not confirmed yet";
    EXPECT_EQ(after.client(ack(1002, 5001)), Verdict::accept) << "what its peer was told last is not known";
    EXPECT_EQ(after.server(ack(5001, 1002)), Verdict::accept);
    after.wait(milliseconds(10));
    ASSERT_THAT(after.resets(), SizeIs(2));
    EXPECT_EQ(after.resets()[0].text(), "10.99.2.2:80 > 10.99.1.2:40000 RST|ACK seq 5001 ack 1002 len 0");
    EXPECT_EQ(after.resets()[1].text(), "10.99.1.2:40000 > 10.99.2.2:80 RST|ACK seq 1002 ack 5001 len 0");
}

TEST(Restart, TheHolderProvesTheNumbersAndTheCloserTellsItsWindow) {
    Path after = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset), seconds(4));
    after.client(ack(1002, 5001));
    after.wait(seconds(1));
    EXPECT_THAT(after.resets(), IsEmpty()) << "the holder may have sent what has not arrived";
    after.server(ack(5001, 1002));
    after.wait(milliseconds(1100));  // the client has spoken by itself: a quiet second comes first
    EXPECT_THAT(after.resets(), SizeIs(2));

    Path other = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset), seconds(4));
    other.wait(milliseconds(10));
    other.server(ack(5001, 1002));
    other.wait(milliseconds(10));
    EXPECT_TRUE(other.flow().side[0].exact && other.flow().side[1].exact);
    EXPECT_THAT(other.resets(), IsEmpty()) << "data may wait for a window that is closed by now";
    other.client(ack(1002, 5001));
    other.wait(milliseconds(10));
    EXPECT_THAT(other.resets(), SizeIs(2));
}

TEST(Restart, AHolderThatIsSilentIsResetByTheEndOfTheFinThatItAcknowledged) {
    Path after = restarted(half_closed(policy::OnExpiry::probe), with(policy::OnExpiry::probe), seconds(4));
    after.wait(milliseconds(10));
    after.client(ack(1002, 5001));
    after.wait(seconds(80));
    EXPECT_THAT(after.resets(), SizeIs(2));
}

TEST(Restart, WithoutAWordFromEitherSideNothingIsReset) {
    for (const auto on_expiry : {policy::OnExpiry::probe, policy::OnExpiry::reset}) {
        Path after = restarted(half_closed(on_expiry), with(on_expiry), seconds(4));
        after.wait(minutes(14));
        EXPECT_THAT(after.probes(), SizeIs(10));
        EXPECT_THAT(after.resets(), IsEmpty());
        EXPECT_THAT(after.events(), Contains(EventType::left));
        EXPECT_THAT(after.flows("state fin-wait-2"), SizeIs(1));
    }
}

TEST(Restart, DataThatPassedUnseenIsProgressAndItsNumbersAreLearnt) {
    Path after = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset), seconds(10));
    after.wait(milliseconds(10));
    ASSERT_THAT(after.probes(), SizeIs(2));
    EXPECT_EQ(after.client(ack(1002, 5801)), Verdict::accept);
    EXPECT_EQ(after.server(ack(5801, 1002)), Verdict::accept);
    EXPECT_LT(*after.flow().subject.idle, seconds(1));
    after.wait(milliseconds(5900));
    EXPECT_THAT(after.resets(), IsEmpty());
    after.wait(milliseconds(200));
    ASSERT_THAT(after.resets(), SizeIs(2));
    EXPECT_EQ(after.resets()[0].seq, tcp::Seq(5801));
}

TEST(Restart, WhoseAnswerDidNotComeIsAskedAgain) {
    Path after = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset), seconds(10));
    after.wait(milliseconds(10));
    after.server(ack(5801, 1002));
    after.wait(milliseconds(6100));
    ASSERT_THAT(after.probes(), SizeIs(4));
    EXPECT_THAT(after.resets(), IsEmpty());
    EXPECT_EQ(after.client(ack(1002, 5801)), Verdict::accept);
    after.wait(milliseconds(1100));
    ASSERT_THAT(after.resets(), SizeIs(2));
    EXPECT_EQ(after.resets()[0].seq, tcp::Seq(5801));
}

TEST(Restart, AHolderThatSentUnseenAndThenFellSilentIsResetToo) {
    Path after = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset), seconds(10));
    after.wait(milliseconds(10));
    after.client(ack(1002, 5801));
    after.wait(seconds(90));
    ASSERT_THAT(after.resets(), SizeIs(2));
    EXPECT_EQ(after.resets()[0].seq, tcp::Seq(5801));
    EXPECT_EQ(after.resets()[1].seq, tcp::Seq(1002));
}

TEST(Restart, DataThatComesAfterwardsGoesOnWhereItWas) {
    Path after = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset), seconds(1));
    after.server(data(5001, 1002, 100));
    after.client(ack(1002, 5101));
    after.wait(milliseconds(5900));
    EXPECT_THAT(after.resets(), IsEmpty());
    after.wait(milliseconds(200));
    EXPECT_THAT(after.probes(), IsEmpty()) << "both have been heard";
    ASSERT_THAT(after.resets(), SizeIs(2));
    EXPECT_EQ(after.resets()[0].seq, tcp::Seq(5101));
}

TEST(Restart, ForgedNumbersDoNotTakeTheClaimAway) {
    Path after = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset));
    after.client(ack(9000, 5001));
    after.client(data(1002, 5001, 10));
    after.server(ack(6000, 1500));
    after.server(data(700000, 900, 10));
    after.client(rst(1500));
    after.wait(milliseconds(3010));
    ASSERT_THAT(after.probes(), SizeIs(2));
    after.client(ack(1002, 5001));
    after.server(ack(5001, 1002));
    after.wait(milliseconds(10));
    EXPECT_THAT(after.resets(), SizeIs(2));
}

TEST(Restart, AConnectionThatIsGoneByThenIsFoundOut) {
    Path after = restarted(half_closed(policy::OnExpiry::probe), with(policy::OnExpiry::probe), seconds(10));
    after.wait(milliseconds(10));
    EXPECT_EQ(after.server(rst(5001)), Verdict::accept);
    after.client(rst(1002));
    after.wait(seconds(5));
    EXPECT_THAT(after.resets(), IsEmpty());
    EXPECT_THAT(after.flows("state fin-wait-2"), IsEmpty());
}

TEST(Restart, AKillAfterwardsAsksFirst) {
    Path after = restarted(half_closed(policy::OnExpiry::probe), with(policy::OnExpiry::probe));
    EXPECT_EQ(after.engine.kill(after.now, after.flow().id), KillResult::requested);
    after.wait(milliseconds(10));
    EXPECT_THAT(after.probes(), SizeIs(2));
    after.server(ack(5001, 1002));
    after.client(ack(1002, 5001));
    after.wait(seconds(1));
    EXPECT_THAT(after.resets(), SizeIs(2));
}

TEST(Restart, AnInquiryThatWasUnderWayBeginsAnewAndARequestIsForgotten) {
    Path before = half_closed(policy::OnExpiry::probe);
    before.wait(seconds(4));
    ASSERT_EQ(before.flow().subject.phase, flow::Phase::probing);
    const Path after = restarted(before, with(policy::OnExpiry::probe));
    EXPECT_EQ(after.flow().subject.phase, flow::Phase::watching);
}

TEST(Restart, AnEstablishedFlowIsJudgedByWhatItDoesNext) {
    Path before(with(policy::OnExpiry::reset));
    before.handshake();
    Path after = restarted(before, with(policy::OnExpiry::reset), seconds(1));
    EXPECT_EQ(after.engine.kill(after.now, after.flow().id), KillResult::not_exact);
    after.client(data(900'000, 700'000, 10));
    after.server(ack(700'000, 900'010));
    EXPECT_EQ(after.engine.counters().packets_invalid, 0U);
    EXPECT_EQ(after.engine.kill(after.now, after.flow().id), KillResult::requested);
}

TEST(Restart, WhatObserveHasRecordedIsNotRecordedAgain) {
    Path before = half_closed(policy::OnExpiry::observe);
    before.wait(seconds(4));
    ASSERT_EQ(before.engine.counters().observed, 1U);
    Path after = restarted(before, with(policy::OnExpiry::observe));
    after.wait(minutes(5));
    EXPECT_EQ(after.engine.counters().observed, 0U);
    EXPECT_THAT(after.probes(), IsEmpty());
}

}  // namespace
}  // namespace finwait::engine::testing
