// Segments that pass before what they acknowledge.

#include "support/dialogue.hpp"

namespace finwait::tcp::testing {
namespace {

TEST(Early, TheAcknowledgmentOfAFinThatPassesBeforeTheFinCloses) {
    Dialogue d;
    d.handshake();
    d.server(fin(5001, 1001));
    EXPECT_EQ(d.server(ack(5002, 1002)), Outcome::invalid);
    EXPECT_STATES(d, "established", "fin-wait-1");
    EXPECT_EQ(d.client(fin(1001, 5002)), Outcome::accepted);
    EXPECT_STATES(d, "closed", "time-wait");
}

TEST(Early, OfTheFirstFinItHalfCloses) {
    Dialogue d;
    d.handshake();
    d.server(ack(5001, 1012));
    d.client(fin(1001, 5001, 10));
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
}

TEST(Early, AFinMayAcknowledgeAFinThatPassesAfterIt) {
    Dialogue d;
    d.handshake();
    d.server(fin(5001, 1002));
    EXPECT_STATES(d, "established", "established");
    d.client(fin(1001, 5001));
    EXPECT_STATES(d, "fin-wait-1", "last-ack");
    d.client(ack(1002, 5002));
    EXPECT_STATES(d, "time-wait", "closed");
}

TEST(Early, TheThirdAcknowledgmentOfTheHandshakeMayPassBeforeTheSecondSegment) {
    Dialogue d;
    d.client(syn(1000));
    d.client(ack(1001, 5001));
    EXPECT_STATES(d, "syn-sent", "closed");
    d.server(syn_ack(5000, 1001));
    EXPECT_STATES(d, "established", "established");
}

TEST(Early, WhatIsAcknowledgedInPartIsNotThereYet) {
    Dialogue d;
    d.handshake();
    d.server(ack(5001, 1201));
    d.client(data(1001, 5001, 100));
    EXPECT_EQ(d.connection.of(Role::server).ack, Seq(1001));
    d.client(data(1101, 5001, 100));
    EXPECT_EQ(d.connection.of(Role::server).ack, Seq(1201));
}

TEST(Early, ALaterWordOfItsSenderOvertakesIt) {
    Dialogue d;
    d.handshake();
    d.server(ack(5001, 1002));  // forged
    d.server(data(5001, 1001, 10));
    d.client(fin(1001, 5001));
    EXPECT_STATES(d, "fin-wait-1", "established");
}

TEST(Early, WhoeverDoesNotKnowWhereItsSenderStandsIsNotBelievedLater) {
    for (const Segment& forged :
         {ack(5002, 1002), ack(5000, 1002), ack(5001, 1002 + kWindow), ack(90'000, 1002)}) {
        Dialogue d;
        d.handshake();
        EXPECT_EQ(d.server(forged), Outcome::invalid);
        d.client(fin(1001, 5001));
        EXPECT_STATES(d, "fin-wait-1", "established");
    }
}

TEST(Early, OnTheFastPathTheAcknowledgmentWaitsForTheFin) {
    Dialogue d;
    d.handshake();
    release(d.connection);
    d.server(fin(5001, 1001));
    d.server(ack(5002, 1002));
    d.client(fin(1001, 5002));
    EXPECT_STATES(d, "closed", "time-wait");
}

TEST(Early, OfAFlowPickedUpMidwayASideThatSentDataBeforeItsFinIsBelieved) {
    Dialogue d;
    d.client(data(1001, 5001, 10));
    d.server(data(5001, 1011, 10));
    d.client(data(1011, 5011, 10));
    d.server(fin(5011, 1021));
    d.server(ack(5012, 1022));
    d.client(fin(1021, 5012));
    EXPECT_STATES(d, "closed", "time-wait");
}

}  // namespace
}  // namespace finwait::tcp::testing
