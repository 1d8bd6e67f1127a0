// What a half-closed flow is asked, what the answers mean, and what the other side gets to see of it.
#include "support/path.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

TEST(Asking, EachSideIsProbedInTheOthersNameOneBelowWhatItExpects) {
    Path path = asked();
    const auto probes = path.probes();
    ASSERT_EQ(probes.size(), 2U);
    EXPECT_EQ(probes[0].text(), "10.99.2.2:80 > 10.99.1.2:40000 ACK seq 5000 ack 1002 len 0");
    EXPECT_EQ(probes[1].text(), "10.99.1.2:40000 > 10.99.2.2:80 ACK seq 1001 ack 5001 len 0");
    EXPECT_EQ(probes[0].window, kWindow);
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::probing);
    EXPECT_THAT(path.events(), Contains(EventType::probe));
}

TEST(Asking, BothAliveIsLeftAloneAndNoAnswerReachesThePeer) {
    Path path = asked();
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::drop);
    EXPECT_EQ(path.server(ack(5001, 1002)), Verdict::drop);
    path.wait(std::chrono::minutes(14));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_EQ(path.probes().size(), 2U);
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::watching);
    EXPECT_THAT(path.events(), Contains(EventType::left));
    path.wait(std::chrono::minutes(2));
    EXPECT_EQ(path.probes().size(), 8U);  // asked again, three times each
}

TEST(Asking, BothAliveWithoutProgressForAliveMaxIsReset) {
    policy::Timeouts t;
    t.alive_max = seconds(60);
    Path path = asked(t);
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(seconds(57));
    ASSERT_EQ(path.probes().size(), 4U);
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(milliseconds(1100));
    EXPECT_EQ(path.resets().size(), 2U);
}

TEST(Asking, TheRstOfAHostThatForgotTheConnectionGoesOnToTheOtherSide) {
    Path path = asked();
    path.client(ack(1002, 5001));
    EXPECT_EQ(path.server(rst(5001)), Verdict::accept);
    path.wait(milliseconds(700));
    EXPECT_THAT(path.resets(), IsEmpty());  // the real one does
    ASSERT_EQ(path.probes().size(), 3U);    // and the closer is asked whether it is gone
    EXPECT_EQ(path.client(rst(1002)), Verdict::drop);
    path.wait(milliseconds(10));
    EXPECT_EQ(path.engine.counters().resets_confirmed, 1U);
}

TEST(Asking, AnEndByAnAnswerToAProbeIsToldAndCountedAsFinwaitds) {
    Path path = asked();
    path.client(ack(1002, 5001));
    path.server(rst(5001));
    path.wait(milliseconds(10));
    EXPECT_THAT(path.events(), Contains(EventType::reset).Times(1));
    EXPECT_EQ(path.engine.policy_counts()[0].reset, 1U);
    EXPECT_EQ(path.engine.counters().resets_sent, 0U);
    path.wait(milliseconds(690));
    path.client(ack(1002, 5001));  // that RST has got lost: it gets one of ours
    path.wait(milliseconds(1100));
    EXPECT_EQ(path.engine.counters().resets_sent, 1U);
    EXPECT_EQ(path.engine.policy_counts()[0].reset, 1U) << "it is the same end";
    EXPECT_THAT(path.events(), Contains(EventType::reset_again));
}

TEST(Asking, AnOperatorDoesNotWaitForTheAnswers) {
    Path path = asked();
    EXPECT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested);
    path.wait(milliseconds(200));
    EXPECT_EQ(path.resets().size(), 2U);
}

TEST(Asking, ALostRealRstIsReplacedByOurs) {
    Path path = asked();
    path.client(ack(1002, 5001));
    path.server(rst(5001));
    path.wait(milliseconds(700));
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::drop);
    path.wait(milliseconds(200));
    EXPECT_THAT(path.resets(), IsEmpty()) << "a segment has passed within the last second";
    path.wait(milliseconds(110));
    ASSERT_EQ(path.resets().size(), 1U);
    EXPECT_EQ(path.resets()[0].destination.port, 40000);
    EXPECT_EQ(path.resets()[0].seq, tcp::Seq(5001));
}

TEST(Asking, NobodyIsTakenForSilentWhoseProbesWaitToLeave) {
    Path path = asked();
    path.engine.hold(path.now, path.flow().id);
    path.wait(minutes(1));
    EXPECT_EQ(path.probes().size(), 2U);
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::probing);
    path.engine.let_go(path.now, path.flow().id);
    path.wait(milliseconds(5800));
    EXPECT_EQ(path.probes().size(), 6U) << "all attempts from when the first one has left";
    EXPECT_THAT(path.resets(), IsEmpty());
    path.wait(seconds(1));
    EXPECT_EQ(path.resets().size(), 2U);
}

TEST(Asking, ASilentHolderIsTakenForGoneAfterEveryAttempt) {
    Path path = asked();
    path.client(ack(1002, 5001));
    path.wait(seconds(5));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_EQ(path.probes().size(), 4U);
    path.wait(seconds(1));
    EXPECT_EQ(path.resets().size(), 2U) << "the holder too: perhaps only its answers are lost";
    path.wait(milliseconds(700));
    path.client(rst(1002));
    path.wait(milliseconds(10));
    EXPECT_EQ(path.engine.counters().resets_confirmed, 1U);
}

TEST(Asking, WhenBothAreSilentBothAreResetAndNothingIsConfirmed) {
    Path path = asked();
    path.wait(seconds(7));
    EXPECT_EQ(path.resets().size(), 2U);
    EXPECT_EQ(path.engine.counters().resets_unconfirmed, 1U);
}

TEST(Asking, AFlowThatComesBackToLifeIsLeftAloneAtOnce) {
    Path path = asked();
    EXPECT_EQ(path.server(data(5001, 1002, 10)), Verdict::accept);
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::watching);
    EXPECT_EQ(path.client(ack(1002, 5011)), Verdict::accept);
    path.wait(seconds(2));
    EXPECT_EQ(path.probes().size(), 2U);
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Asking, AnAnswerThatMayBeMeantForThePeersKeepaliveIsPassedOn) {
    Path path = asked();
    EXPECT_EQ(path.client(ack(1001, 5001)), Verdict::accept);  // the client's own keepalive
    EXPECT_EQ(path.server(ack(5001, 1002)), Verdict::accept);
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::drop);
    path.wait(std::chrono::minutes(1));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Asking, OnlyOneAnswerIsTakenForEachProbe) {
    Path path = asked();
    EXPECT_EQ(path.server(ack(5001, 1002)), Verdict::drop);
    EXPECT_EQ(path.server(ack(5001, 1002)), Verdict::accept);
}

TEST(Asking, TheOrphanTestCanBeSwitchedOff) {
    policy::Timeouts t;
    t.orphan_test = policy::OrphanTest::off;
    Path path(asking(t));
    path.client(syn(1000));
    path.server(syn_ack(5000, 1001));
    tcp::Segment counted = ack(1001, 5001);
    counted.ip_id = 77;
    path.client(counted);
    tcp::Segment last = fin(1001, 5001);
    last.ip_id = 78;
    path.client(last);
    path.server(ack(5001, 1002));
    path.wait(milliseconds(3100));
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(milliseconds(650));
    path.client(ack(1002, 5001));
    path.wait(seconds(10));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_EQ(path.probes().size(), 2U) << "nobody is asked for another id";
}

TEST(Asking, ANearMissLetsALivingCloserLiveAndShowsAnOrphan) {
    for (const bool orphan : {false, true}) {
        policy::Timeouts t;
        t.orphan_test = policy::OrphanTest::active;
        Path path = asked(t);
        path.client(ack(1002, 5001));
        path.server(ack(5001, 1002));
        path.wait(milliseconds(10));
        ASSERT_EQ(path.resets().size(), 1U);
        EXPECT_EQ(path.resets()[0].text(), "10.99.2.2:80 > 10.99.1.2:40000 RST seq 5002 len 0");
        const Verdict challenge = orphan ? Verdict::drop : path.client(ack(1002, 5001));
        EXPECT_EQ(challenge, Verdict::drop);
        path.wait(milliseconds(700));
        const Verdict last = orphan ? path.client(rst(1002)) : Verdict::accept;
        EXPECT_EQ(last, Verdict::accept);
        path.wait(milliseconds(700));
        EXPECT_EQ(path.flow().subject.phase, orphan ? policy::Phase::confirming : policy::Phase::watching);
        EXPECT_EQ(path.engine.counters().resets_sent, 0U);
    }
}

TEST(Asking, ProbesCarryTimestampsWhereTheFlowUsesThem) {
    Path path(asking());
    const auto stamped = [](tcp::Segment s, std::uint32_t value, std::uint32_t echo) {
        s.options = tcp::option::timestamps;
        s.ts_value = value;
        s.ts_echo = echo;
        return s;
    };
    path.client(stamped(syn(1000), 100, 0));
    path.server(stamped(syn_ack(5000, 1001), 900, 100));
    path.client(stamped(ack(1001, 5001), 101, 900));
    path.client(stamped(fin(1001, 5001), 102, 900));
    path.server(stamped(ack(5001, 1002), 905, 102));
    path.wait(milliseconds(3100));
    ASSERT_EQ(path.probes().size(), 2U);
    EXPECT_EQ(path.probes()[0].ts_value, 905U);
    EXPECT_EQ(path.probes()[0].ts_echo, 102U);
}

TEST(Asking, AnUnrelatedResetWhileAskingEndsTheMatter) {
    Path path = asked();
    path.server(ack(5001, 1002));
    path.server(rst_ack(5001, 1002));
    path.wait(seconds(30));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_THAT(path.flows(), IsEmpty());
}

}  // namespace
}  // namespace finwait::engine::testing
