#include "support/dialogue.hpp"
#include "tcp/position.hpp"

namespace finwait::tcp::testing {
namespace {

TEST(Closing, AnAckBelowTheFinLeavesFinWait1) {
    Dialogue d;
    d.handshake();
    d.client(data(1001, 5001, 100));
    d.client(fin(1101, 5001));
    d.server(ack(5001, 1101));
    EXPECT_STATES(d, "fin-wait-1", "established");
    d.server(ack(5001, 1102));
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
    EXPECT_EQ(closer(d.connection), Role::client);
}

TEST(Closing, AFinBeyondAHoleIsNotReceivedBeforeItIsAcknowledged) {
    Dialogue d;
    d.handshake();
    d.client(fin(1101, 5001));  // 1001 to 1100 was lost before us
    EXPECT_STATES(d, "fin-wait-1", "established");
    d.server(ack(5001, 1001));
    EXPECT_STATES(d, "fin-wait-1", "established");
    d.client(data(1001, 5001, 100));
    d.server(ack(5001, 1102));
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
}

TEST(Closing, ARepeatedFinAfterItsAckMeansThatTheAckMayBeLost) {
    Dialogue d;
    d.client_half_closed();
    d.client(fin(1001, 5001));
    EXPECT_STATES(d, "fin-wait-1", "close-wait");
    EXPECT_EQ(closer(d.connection), std::nullopt);
    d.server(ack(5001, 1002));
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
}

TEST(Closing, AFinWithDataEndsBehindTheData) {
    Dialogue d;
    d.handshake();
    d.client(fin(1001, 5001, 500));
    d.server(ack(5001, 1501));
    EXPECT_STATES(d, "fin-wait-1", "established");
    d.server(ack(5001, 1502));
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
}

TEST(Closing, CrossingFinsNeverPassFinWait2) {
    Dialogue d;
    d.handshake();
    d.client(fin(1001, 5001));
    d.server(fin(5001, 1001));
    EXPECT_STATES(d, "fin-wait-1", "fin-wait-1");
    d.client(ack(1002, 5002));
    EXPECT_STATES(d, "closing", "fin-wait-1");
    d.server(ack(5002, 1002));
    EXPECT_STATES(d, "time-wait", "time-wait");
    EXPECT_TRUE(finished(d.connection));
}

TEST(Closing, AFinThatAcknowledgesTheFinIsNeverAHalfClose) {
    Dialogue d;
    d.handshake();
    d.client(fin(1001, 5001));
    d.server(fin(5001, 1002));
    EXPECT_STATES(d, "fin-wait-1", "last-ack");
    EXPECT_EQ(closer(d.connection), std::nullopt);
    d.client(ack(1002, 5002));
    EXPECT_STATES(d, "time-wait", "closed");
}

TEST(Closing, TheOrdinaryEndGoesByFinWait2AndCloseWait) {
    Dialogue d;
    d.client_half_closed();
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
    d.server(fin(5001, 1002));
    EXPECT_STATES(d, "fin-wait-2", "last-ack");
    d.client(ack(1002, 5002));
    EXPECT_STATES(d, "time-wait", "closed");
}

TEST(Closing, TheServerMayCloseFirst) {
    Dialogue d;
    d.handshake();
    d.server(fin(5001, 1001));
    d.client(ack(1001, 5002));
    EXPECT_STATES(d, "close-wait", "fin-wait-2");
    EXPECT_EQ(closer(d.connection), Role::server);
}

TEST(Closing, ARepeatedLastFinReturnsToLastAck) {
    Dialogue d;
    d.client_half_closed();
    d.server(fin(5001, 1002));
    d.client(ack(1002, 5002));
    d.server(fin(5001, 1002));
    EXPECT_STATES(d, "time-wait", "last-ack");
    d.client(ack(1002, 5002));
    EXPECT_STATES(d, "time-wait", "closed");
}

TEST(Closing, AKeepaliveInFinWait2IsNeitherDataNorFin) {
    Dialogue d;
    d.client_half_closed();
    EXPECT_EQ(d.client(ack(1001, 5001)), Outcome::accepted);  // the FIN's own number, nothing in it
    EXPECT_FALSE(d.progress());
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
}

TEST(Closing, DataTowardsTheCloserIsProgress) {
    Dialogue d;
    d.client_half_closed();
    for (std::uint32_t i = 0; i < 100; ++i) {
        EXPECT_EQ(d.server(data(5001 + i * 1000, 1002, 1000)), Outcome::accepted);
        EXPECT_TRUE(d.progress());
        EXPECT_EQ(d.client(ack(1002, 6001 + i * 1000)), Outcome::accepted);
        EXPECT_TRUE(d.progress());
    }
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
}

TEST(Closing, KeepalivesAndDuplicateAcksAreAliveButIdle) {
    Dialogue d;
    d.client_half_closed();
    EXPECT_EQ(d.server(ack(5000, 1002)), Outcome::accepted);
    EXPECT_FALSE(d.progress());
    EXPECT_EQ(d.client(ack(1002, 5001)), Outcome::accepted);
    EXPECT_FALSE(d.progress());
}

TEST(Closing, DataBeyondTheFinIsInvalid) {
    Dialogue d;
    d.client_half_closed();
    EXPECT_EQ(d.client(data(1002, 5001, 10)), Outcome::invalid);
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
    EXPECT_EQ(d.connection.of(Role::client).next, Seq(1002));
}

TEST(Closing, AFinBelowWhatWasSentIsInvalid) {
    Dialogue d;
    d.handshake();
    d.client(data(1001, 5001, 1000));
    EXPECT_EQ(d.client(fin(1001, 5001, 10)), Outcome::invalid);
    EXPECT_STATES(d, "established", "established");
}

TEST(Closing, SequenceNumbersMayWrapAcrossTheFin) {
    Dialogue d;
    d.client(syn(0xffffff00));
    d.server(syn_ack(0xfffffffe, 0xffffff01));
    d.client(ack(0xffffff01, 0xffffffff));
    d.client(data(0xffffff01, 0xffffffff, 0xfe));
    d.client(fin(0xffffffff, 0xffffffff));
    d.server(ack(0xffffffff, 0xffffffff));
    EXPECT_STATES(d, "fin-wait-1", "established");
    d.server(ack(0xffffffff, 0));
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
    d.server(data(0xffffffff, 0, 2));
    d.server(fin(1, 0));
    d.client(ack(0, 2));
    EXPECT_STATES(d, "time-wait", "closed");
}

TEST(Closing, AFinInSynReceivedMaySendTheServerToFinWait1) {
    Dialogue d;
    d.client(syn(1000));
    d.server(syn_ack(5000, 1001));
    d.server(fin(5001, 1001));
    EXPECT_STATES(d, "syn-sent", "fin-wait-1");
}

TEST(Crossing, AFinThatWasLostBeforeUsIsKnownByWhereItsSenderStood) {
    Dialogue d;
    d.handshake();
    d.client(fin(1001, 5001));
    d.server(ack(5002, 1002));  // its own FIN, 5001, was lost before us
    d.server(fin(5001, 1002));
    EXPECT_STATES(d, "fin-wait-2", "closing");
    d.client(ack(1002, 5002));
    EXPECT_STATES(d, "time-wait", "time-wait");
}

TEST(Crossing, AnAckAfterARepeatedFinMayComeFromLastAck) {
    Dialogue d;
    d.handshake();
    d.client(fin(1001, 5001));
    d.client(fin(1001, 5001));
    d.server(ack(5002, 1002));
    d.server(fin(5001, 1002));
    EXPECT_STATES(d, "fin-wait-2", "last-ack");
}

TEST(Crossing, TheAckOfAFinThatAlwaysCoveredTheOthersProvesThatOneAcknowledged) {
    Dialogue d;
    d.handshake();
    d.client(fin(1001, 5001));
    d.server(fin(5001, 1002));
    d.server(fin(5001, 1002));
    d.client(fin(1001, 5001));  // repeated before the server's arrived
    d.client(ack(1002, 5002));
    EXPECT_STATES(d, "time-wait", "closed");
}

TEST(Crossing, ARepeatedFinThatCrossesItsAckIsNoLoss) {
    Dialogue d;
    d.client_half_closed();
    d.client_crossing(fin(1001, 5001));
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
    d.client(fin(1001, 5001));
    EXPECT_STATES(d, "fin-wait-1", "close-wait");
}

TEST(Crossing, ARepeatedSynAckThatCrossesTheThirdAckIsNoLoss) {
    Dialogue d;
    d.handshake();
    d.server_crossing(syn_ack(5000, 1001));
    EXPECT_STATES(d, "established", "established");
}

TEST(Crossing, WhatCrossesAnRstRevivesNothing) {
    Dialogue d;
    d.handshake();
    d.client(data(1001, 5001, 100));
    d.client(rst(1101));
    d.server_crossing(ack(5001, 1101));
    EXPECT_STATES(d, "closed", "closed");
    d.server(ack(5001, 1001));
    EXPECT_STATES(d, "closed", "established");
}

TEST(Closing, AFinBelowWhatItsSenderHasAcknowledgedIsAStrayAlsoWhereNumbersAreRemembered) {
    Dialogue d;
    d.handshake();
    d.server(fin(5001, 1001));
    d.client(ack(1002, 5002));  // its own FIN is late
    EXPECT_STATES(d, "close-wait", "fin-wait-2");
    note_gap(d.connection);
    d.client(fin(1001, 5002));
    static_cast<void>(check_position(d.connection, Role::server, ack(5002, 1002)));
    d.server(ack(5002, 1002));
    EXPECT_STATES(d, "time-wait", "time-wait");
    d.client(fin(1001, 5001));
    EXPECT_STATES(d, "time-wait", "time-wait");
}

}  // namespace
}  // namespace finwait::tcp::testing
