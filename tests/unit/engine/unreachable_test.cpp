// What ICMP errors do to a flow that is asked: they keep it from being ended on silence alone, and the host
// in whose name was asked does not see them.
#include "support/path.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

tcp::Unreachable quoting(const tcp::Segment& segment) {
    return {segment.source, segment.destination, segment.seq};
}

/// A router's answer to the first probe towards the client, or the server.
tcp::Unreachable client_unreachable(const Path& path) {
    return quoting(path.probes().at(0));
}
tcp::Unreachable server_unreachable(const Path& path) {
    return quoting(path.probes().at(1));
}

/// Of what was decided last: to leave the flow or to reset it.
std::string_view last_reason(const Path& path) {
    std::string_view reason;
    for (const Action& a : path.actions) {
        const auto* event = std::get_if<Event>(&a);
        if (event && (event->type == EventType::left || event->type == EventType::reset))
            reason = event->reason;
    }
    return reason;
}

TEST(Unreachable, AHolderThatCannotBeReachedIsLeftAloneAndAskedAgainLater) {
    Path path = asked();
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::drop);
    EXPECT_EQ(path.engine.on_unreachable(server_unreachable(path)), Verdict::drop);
    path.wait(seconds(7));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_THAT(path.probes(), SizeIs(4)) << "every attempt is made";
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::watching);
    EXPECT_THAT(path.events(), Contains(EventType::left));
    EXPECT_EQ(last_reason(path),
              "the network reports that the holder cannot be reached: perhaps only for now");
    EXPECT_EQ(path.engine.counters().probes_unreachable, 1U);
    path.wait(std::chrono::minutes(16));
    EXPECT_THAT(path.probes(), Not(SizeIs(4)));
}

TEST(Unreachable, ACloserThatCannotBeReachedIsLeftAlone) {
    Path path = asked();
    EXPECT_EQ(path.engine.on_unreachable(client_unreachable(path)), Verdict::drop);
    path.server(ack(5001, 1002));
    path.wait(seconds(7));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_EQ(last_reason(path),
              "the network reports that the closer cannot be reached: perhaps only for now");
}

TEST(Unreachable, TheSilenceOfTheOtherSideChangesNothing) {
    Path path = asked();
    static_cast<void>(path.engine.on_unreachable(server_unreachable(path)));
    path.wait(seconds(7));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::watching);
}

TEST(Unreachable, OneErrorAmongTheProbesIsEnoughAndALaterInquiryNeedsItsOwn) {
    Path path = asked();
    path.client(ack(1002, 5001));
    path.wait(seconds(5));
    ASSERT_THAT(path.probes(), SizeIs(4));
    EXPECT_EQ(path.engine.on_unreachable(quoting(path.probes().at(3))), Verdict::drop);
    path.wait(seconds(2));
    EXPECT_THAT(path.resets(), IsEmpty());
    path.wait(std::chrono::minutes(15) - seconds(1));
    path.client(ack(1002, 5001));
    path.wait(seconds(7));
    EXPECT_THAT(path.resets(), SizeIs(2)) << "this time it was silent";
}

TEST(Unreachable, AnAnswerThatStillArrivesHasTheLastWord) {
    Path path = asked();
    path.client(ack(1002, 5001));
    static_cast<void>(path.engine.on_unreachable(server_unreachable(path)));
    path.wait(seconds(3));
    EXPECT_EQ(path.server(ack(5001, 1002)), Verdict::drop);
    path.wait(milliseconds(10));
    EXPECT_EQ(last_reason(path), "both sides are there: a legitimate half-close");
}

TEST(Unreachable, ARealRstOfTheUnreachableSideStillEndsTheOther) {
    Path path = asked();
    path.client(ack(1002, 5001));
    static_cast<void>(path.engine.on_unreachable(server_unreachable(path)));
    EXPECT_EQ(path.server(rst(5001)), Verdict::accept);
    path.wait(milliseconds(700));
    EXPECT_EQ(path.client(rst(1002)), Verdict::drop);
    path.wait(milliseconds(10));
    EXPECT_EQ(path.engine.counters().resets_confirmed, 1U);
}

TEST(Unreachable, WhatQuotesNoProbeIsForwardedAndTheSilenceCounts) {
    Path path = asked();
    path.client(ack(1002, 5001));
    const tcp::Unreachable right = server_unreachable(path);
    tcp::Unreachable wrong_number = right;
    wrong_number.seq = right.seq + 1;
    tcp::Unreachable wrong_way = right;
    std::swap(wrong_way.source, wrong_way.destination);
    tcp::Unreachable wrong_port = right;
    ++wrong_port.destination.port;
    for (const tcp::Unreachable& error : {wrong_number, wrong_way, wrong_port})
        EXPECT_EQ(path.engine.on_unreachable(error), Verdict::accept);
    EXPECT_FALSE(path.engine.follows(wrong_port));
    EXPECT_TRUE(path.engine.follows(right));
    path.wait(seconds(6));
    EXPECT_THAT(path.resets(), SizeIs(2));
    EXPECT_EQ(path.engine.counters().probes_unreachable, 0U);
}

TEST(Unreachable, BeforeAnybodyIsAskedErrorsAreForwarded) {
    Path path(asking());
    path.client_half_closed();
    const tcp::Endpoint client = path.flow().subject.client;
    const tcp::Endpoint server = path.flow().subject.server;
    EXPECT_EQ(path.engine.on_unreachable({client, server, tcp::Seq(1001)}), Verdict::accept);
    path.wait(seconds(12));
    EXPECT_THAT(path.resets(), SizeIs(2));
}

TEST(Unreachable, AnErrorThatMayBeMeantForThePeersKeepaliveIsPassedOnAndCounts) {
    Path path = asked();
    EXPECT_EQ(path.client(ack(1001, 5001)), Verdict::accept);  // the client's own keepalive
    EXPECT_EQ(path.engine.on_unreachable(server_unreachable(path)), Verdict::accept);
    path.wait(seconds(7));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Unreachable, AnOrphanWhoseHolderCannotBeReachedIsReset) {
    Path path(asking());
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
    static_cast<void>(path.engine.on_unreachable(server_unreachable(path)));
    path.client(ack(1002, 5001));
    path.wait(seconds(6));
    EXPECT_THAT(path.resets(), IsEmpty());
    path.client(ack(1002, 5001));
    path.wait(seconds(2));
    EXPECT_THAT(path.resets(), SizeIs(2));
}

TEST(Unreachable, WithoutProgressForAliveMaxBothAreResetWhateverThePolicy) {
    policy::Timeouts t;
    t.alive_max = seconds(60);
    t.reset = policy::ResetSides::closer;
    Path path = asked(t);
    path.client(ack(1002, 5001));
    static_cast<void>(path.engine.on_unreachable(server_unreachable(path)));
    path.wait(seconds(55));
    EXPECT_THAT(path.resets(), IsEmpty());
    path.wait(seconds(2));
    path.client(ack(1002, 5001));
    static_cast<void>(path.engine.on_unreachable(server_unreachable(path)));
    path.wait(seconds(7));
    EXPECT_THAT(path.resets(), SizeIs(2));
    EXPECT_EQ(last_reason(path),
              "a side cannot be reached or heard, and there has been no progress for "
              "alive_max");
}

TEST(Unreachable, AnActiveTestIsMadeOfALivingCloserOnly) {
    for (const bool closer_is_there : {false, true}) {
        policy::Timeouts t;
        t.orphan_test = policy::OrphanTest::active;
        Path path = asked(t);
        if (closer_is_there) {
            path.client(ack(1002, 5001));
            static_cast<void>(path.engine.on_unreachable(server_unreachable(path)));
        } else {
            static_cast<void>(path.engine.on_unreachable(client_unreachable(path)));
            path.server(ack(5001, 1002));
        }
        path.wait(seconds(6));
        EXPECT_THAT(path.resets(), SizeIs(closer_is_there ? 1 : 0)) << "the near-miss";
        EXPECT_EQ(path.engine.counters().resets_sent, 0U);
    }
}

TEST(Unreachable, AnOrphanIsFoundThoughItsHolderCannotBeReached) {
    policy::Timeouts t;
    t.orphan_test = policy::OrphanTest::active;
    Path path = asked(t);
    path.client(ack(1002, 5001));
    static_cast<void>(path.engine.on_unreachable(server_unreachable(path)));
    path.wait(milliseconds(6100));
    ASSERT_THAT(path.resets(), SizeIs(1)) << "the near-miss";
    EXPECT_EQ(path.client(rst(1002)), Verdict::accept);
    path.wait(milliseconds(10));
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::confirming);
}

}  // namespace
}  // namespace finwait::engine::testing
