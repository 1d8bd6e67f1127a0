// An answer to a probe goes no further only where its receiver misses nothing without it.

#include "support/path.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

tcp::Segment offering(tcp::Segment s, std::uint16_t window) {
    s.window = window;
    return s;
}

tcp::Segment flagged(tcp::Segment s, std::uint8_t flags) {
    s.flags = static_cast<std::uint8_t>(s.flags | flags);
    return s;
}

TEST(AnswerPassed, AnotherWindowIsPassedOn) {
    for (const std::uint16_t window : std::array<std::uint16_t, 3>{0, 100, 64001}) {
        Path path = asked();
        EXPECT_EQ(path.client(offering(ack(1002, 5001), window)), Verdict::accept) << window;
        EXPECT_EQ(path.server(offering(ack(5001, 1002), window)), Verdict::accept) << window;
        path.wait(milliseconds(100));
        EXPECT_EQ(path.flow().subject.phase, policy::Phase::watching) << "both have answered";
        EXPECT_THAT(path.resets(), IsEmpty());
    }
}

TEST(AnswerPassed, AWindowOf0IsPassedOnAgainAndAgain) {
    Path path(asking());
    path.client_half_closed();
    path.server(data(5001, 1002, 1000));
    path.client(offering(ack(1002, 6001), 0));
    path.wait(milliseconds(3100));
    EXPECT_EQ(path.client(offering(ack(1002, 6001), 0)), Verdict::accept);
}

TEST(AnswerPassed, TheUpdateOfAWindowIsPassedOn) {
    Path path(asking());
    path.client_half_closed();
    path.server(data(5001, 1002, 1000));
    path.client(offering(ack(1002, 6001), 0));
    path.wait(milliseconds(3100));
    ASSERT_THAT(path.probes(), SizeIs(2));
    EXPECT_EQ(path.client(offering(ack(1002, 6001), 8000)), Verdict::accept);
}

TEST(AnswerPassed, ANewAcknowledgmentIsPassedOn) {
    Path path(asking());
    path.client_half_closed();
    path.server(data(5001, 1002, 10));
    path.wait(milliseconds(3100));
    ASSERT_THAT(path.probes(), SizeIs(2));
    EXPECT_EQ(path.client(ack(1002, 5011)), Verdict::accept);
}

TEST(AnswerPassed, WhileDataIsInFlightEachAcknowledgmentCounts) {
    Path path(asking());
    path.client_half_closed();
    path.server(data(5001, 1002, 10));
    path.wait(milliseconds(3100));
    ASSERT_THAT(path.probes(), SizeIs(2));
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::accept) << "three of them are a loss";
}

TEST(AnswerPassed, EcnsBitsArePassedOn) {
    for (const std::uint8_t bits : {tcp::flag::ece, tcp::flag::cwr, tcp::flag::urg}) {
        Path path = asked();
        EXPECT_EQ(path.client(flagged(ack(1002, 5001), bits)), Verdict::accept);
        EXPECT_EQ(path.server(flagged(ack(5001, 1002), bits)), Verdict::accept);
    }
    Path path = asked();
    tcp::Segment accurate = ack(1002, 5001);
    accurate.accurate_ecn = true;
    EXPECT_EQ(path.client(accurate), Verdict::accept);
}

TEST(AnswerPassed, OfOneThatCountsMarksTheirAbsenceCountsToo) {
    Path path(asking());
    path.handshake();
    path.client(flagged(fin(1001, 5001), tcp::flag::ece));
    path.server(ack(5001, 1002));
    path.wait(milliseconds(3100));
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::accept);
    EXPECT_EQ(path.server(ack(5001, 1002)), Verdict::drop);
}

TEST(AnswerPassed, OptionsThatSayMoreArePassedOn) {
    Path path = asked();
    tcp::Segment sack = ack(1002, 5001);
    sack.more_options = true;
    EXPECT_EQ(path.client(sack), Verdict::accept);
    tcp::Segment multipath = ack(5001, 1002);
    multipath.options = tcp::option::mptcp;
    EXPECT_EQ(path.server(multipath), Verdict::accept);
}

TEST(AnswerPassed, TimestampsAloneAreNot) {
    Path path = asked();
    tcp::Segment stamped = ack(1002, 5001);
    stamped.options = tcp::option::timestamps;
    EXPECT_EQ(path.client(stamped), Verdict::drop);
}

TEST(AnswerPassed, AnAnswerThatMayBeMeantForWhatThePeerHasJustSentIsPassedOn) {
    Path path(asking());
    path.client_half_closed();
    path.wait(milliseconds(2500));
    path.server(ack(5000, 1002));  // its keepalive, which the client has not answered yet
    path.wait(milliseconds(600));
    ASSERT_THAT(path.probes(), SizeIs(2));
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::accept) << "there may be only this one for both";
}

TEST(AnswerPassed, AfterALossTheFirstAnswerIsPassedOn) {
    Path path = asked();
    path.engine.on_loss(path.now, 1);
    path.wait(seconds(4));
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::accept) << "nobody knows what window was told before";
    EXPECT_EQ(path.server(ack(5001, 1002)), Verdict::accept);
}

TEST(AnswerPassed, AChallengeThatSaysMoreIsPassedOn) {
    policy::Timeouts t;
    t.alive_max = seconds(3);
    Path path = asked(t);
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(milliseconds(1500));
    ASSERT_THAT(path.resets(), SizeIs(2));
    EXPECT_EQ(path.client(offering(ack(1002, 5001), 9)), Verdict::accept);
    EXPECT_EQ(path.server(ack(5001, 1002)), Verdict::drop);
}

TEST(AnswerPassed, AnAbortIsNoAnswerAndReachesAPeerThatIsNotToBeReset) {
    policy::Timeouts t;
    t.alive_max = seconds(3);
    t.reset = policy::ResetSides::closer;
    Path path = asked(t);
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(milliseconds(2200));
    ASSERT_THAT(path.resets(), SizeIs(1));
    EXPECT_EQ(path.client(rst_ack(1002, 5001)), Verdict::accept);
}

}  // namespace
}  // namespace finwait::engine::testing
