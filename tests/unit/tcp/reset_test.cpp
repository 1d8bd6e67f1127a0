#include "support/dialogue.hpp"

namespace finwait::tcp::testing {
namespace {

TEST(Reset, TheExactNumberClosesBothSides) {
    Dialogue d;
    d.handshake();
    EXPECT_EQ(d.client(rst(1001)), Outcome::accepted);
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, InTheWindowButNotExactWaitsForTheChallenge) {
    Dialogue d;
    d.handshake();
    EXPECT_EQ(d.client(rst(1005)), Outcome::challenge);
    EXPECT_STATES(d, "established", "established");
    d.server(ack(5001, 1001));
    EXPECT_EQ(d.client(rst(1001)), Outcome::accepted);
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, OutsideTheWindowChangesNothing) {
    Dialogue d;
    d.handshake();
    EXPECT_EQ(d.client(rst(1001 + kWindow + 1)), Outcome::invalid);
    EXPECT_EQ(d.client(rst(900)), Outcome::invalid);
    EXPECT_STATES(d, "established", "established");
}

TEST(Reset, AtTheFinsNumberClosesALinuxCloseWait) {
    Dialogue d;
    d.client_half_closed();
    EXPECT_EQ(d.client(rst(1001)), Outcome::accepted);
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, AtTheFinsNumberIsTakenBackByBothSidesGoingOn) {
    Dialogue d;
    d.client_half_closed();
    d.client(rst(1001));
    EXPECT_STATES(d, "closed", "closed");
    EXPECT_EQ(d.server(data(5001, 1002, 100)), Outcome::accepted);
    EXPECT_STATES(d, "closed", "close-wait");
    EXPECT_EQ(d.client(ack(1002, 5101)), Outcome::accepted);
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
    d.server(data(5101, 1002, 100));
    d.client(ack(1002, 5201));
    EXPECT_TRUE(exact(d.connection));
    EXPECT_EQ(closer(d.connection), Role::client);
}

TEST(Reset, AtTheFinsNumberIsNotTakenBackByACopyOfTheFin) {
    Dialogue d;
    d.client_half_closed();
    d.client(rst(1001));
    d.client(fin(1001, 5001));
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, AtTheNumberOfAFinThatIsOnItsWayIsTakenBackToo) {
    Dialogue d;
    d.handshake();
    d.server(fin(5001, 1001));
    d.server(rst(5001));
    EXPECT_STATES(d, "closed", "closed");
    d.client(data(1001, 5002, 100));
    EXPECT_STATES(d, "close-wait", "closed");
    d.server(ack(5002, 1101));
    EXPECT_STATES(d, "close-wait", "fin-wait-2");
}

TEST(Reset, BehindOneAtTheFinsNumberAnExactOneIsFinal) {
    Dialogue d;
    d.client_half_closed();
    d.client(rst(1001));
    d.server(data(5001, 1002, 100));
    d.client(rst(1002));
    EXPECT_STATES(d, "closed", "closed");
    d.client(ack(1002, 5101));
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, FromEachSideWhereTheOtherLastStoodClosesBoth) {
    for (const bool client_first : {true, false}) {
        Dialogue d;
        d.handshake();
        d.client(fin(1001, 5001, 10));
        d.server(fin(5001, 1001, 20));
        client_first ? d.client(rst(1001)) : d.server(rst(5001));
        EXPECT_NE(d.client_state() == State::closed, d.server_state() == State::closed);
        client_first ? d.server(rst(5001)) : d.client(rst(1001));
        EXPECT_STATES(d, "closed", "closed");
    }
}

TEST(Reset, OfTheSynsSenderIsTakenBackWhenItGoesOnOpening) {
    for (const std::uint32_t number : {1000U, 1001U}) {
        Dialogue d;
        d.client(syn(1000));
        EXPECT_EQ(d.server(ack(77, 1000)), Outcome::invalid);  // left from an older connection
        d.client(rst(number));
        EXPECT_STATES(d, "closed", "closed");
        EXPECT_EQ(d.client(syn(1000)), Outcome::accepted);
        EXPECT_STATES(d, "syn-sent", "closed");
        d.server(syn_ack(5000, 1001));
        d.client(data(1001, 5001, 10));
        EXPECT_STATES(d, "established", "established");
    }
}

TEST(Reset, OfTheSynsSenderDoesNotKeepTheAnswerFromOpening) {
    Dialogue d;
    d.client(syn(1000));
    d.client(rst(1000));
    d.server(syn_ack(5000, 1001));
    EXPECT_STATES(d, "syn-sent", "syn-recv");
    Dialogue gone = d;
    d.client(ack(1001, 5001));
    EXPECT_STATES(d, "established", "established");
    gone.client(rst(1001));
    EXPECT_STATES(gone, "closed", "closed");
}

TEST(Reset, AnswersASynOnlyWhenItAcknowledgesIt) {
    Dialogue d;
    d.client(syn(1000));
    EXPECT_EQ(d.server(rst(0)), Outcome::invalid);
    EXPECT_EQ(d.server(rst_ack(0, 77)), Outcome::invalid);
    EXPECT_STATES(d, "syn-sent", "closed");
    EXPECT_EQ(d.server(rst_ack(0, 1001)), Outcome::accepted);
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, AgainstACrossedSynMustBeExact) {
    Dialogue d;
    d.client(syn(1000));
    d.server(syn(5000));
    EXPECT_EQ(d.client(rst_ack(0, 5001)), Outcome::challenge);
    EXPECT_STATES(d, "syn-sent", "syn-sent");
    EXPECT_EQ(d.client(rst(1001)), Outcome::accepted);
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, FromTheSenderOfAnUnansweredSynMayStandAtTheSynsNumber) {
    Dialogue d;
    d.client(syn(1000));
    EXPECT_EQ(d.client(rst(1000)), Outcome::accepted);
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, AnOldNumberAfterTheFastPathIsNotTaken) {
    Dialogue d;
    d.handshake();
    release(d.connection);
    d.client(fin(1125, 5401));
    EXPECT_EQ(d.client(rst(1001)), Outcome::invalid);
    EXPECT_STATES(d, "fin-wait-1", "established");
}

TEST(Reset, AReceiverThatMissedDataAnswersAndIsAliveUntilTheNextRst) {
    Dialogue d;
    d.handshake();
    d.client(data(1001, 5001, 100));  // lost behind us
    EXPECT_EQ(d.client(rst(1101)), Outcome::accepted);
    EXPECT_STATES(d, "closed", "closed");
    EXPECT_EQ(d.server(ack(5001, 1001)), Outcome::accepted);  // its challenge
    EXPECT_STATES(d, "closed", "established");
    EXPECT_EQ(d.client(rst(1001)), Outcome::accepted);
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, AtAnOldNumberWhileDataIsOnItsWayProvesTheEndOfItsSenderOnly) {
    Dialogue d;
    d.handshake();
    d.server(data(5001, 1001, 1));
    d.server(fin(5002, 1001));
    d.client(data(1001, 5001, 1));
    EXPECT_EQ(d.server(rst(5001)), Outcome::accepted);
    EXPECT_STATES(d, "established", "closed");
    d.client(ack(1002, 5003));
    EXPECT_EQ(d.server(rst(5003)), Outcome::accepted);
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, AnAbortOfASideThatWasTakenToLiveOnClosesIt) {
    Dialogue d;
    d.handshake();
    d.client(data(1001, 5001, 100));
    d.client(rst(1101));
    d.server(ack(5001, 1001));
    EXPECT_STATES(d, "closed", "established");
    d.server(rst_ack(5001, 1001));
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, OfASynThatIsRepeatedMayHaveBeenLost) {
    Dialogue d;
    d.client(syn(1000));
    d.server(rst_ack(0, 1001));
    EXPECT_STATES(d, "closed", "closed");
    EXPECT_EQ(d.client(syn(1000)), Outcome::accepted);
    EXPECT_STATES(d, "syn-sent", "closed");
    d.server(syn_ack(5000, 1001));
    d.client(ack(1001, 5001));
    EXPECT_STATES(d, "established", "established");
}

TEST(Reset, ASynThatStraysBehindItOpensNothing) {
    Dialogue d;
    d.client(syn(1000));
    d.server(syn_ack(5000, 1001));
    d.server(rst_ack(5001, 1001));
    EXPECT_EQ(d.client(syn(1000)), Outcome::invalid);
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, ASynAckThatItHasOvertakenOpensNothing) {
    Dialogue d;
    d.client(syn(1000));
    d.server(rst_ack(5001, 1001));
    d.server(syn_ack(5000, 1001));
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, ASynAckWithAnotherNumberBehindItAnswersTheSynAfterAll) {
    Dialogue d;
    d.client(syn(1000));
    d.server(rst_ack(5001, 1001));
    d.server(syn_ack(9000, 1001));
    d.client(ack(1001, 9001));
    EXPECT_STATES(d, "established", "established");
}

TEST(Reset, TakenBackTwiceRestoresTheStateBeforeTheLastOne) {
    Dialogue d;
    d.client_half_closed();
    release(d.connection);
    d.server(rst(7'000'000));
    d.client(fin(1001, 5001));
    EXPECT_STATES(d, "fin-wait-1", "closed");
    d.server(rst(5001));
    d.client(ack(1002, 5001));
    EXPECT_STATES(d, "fin-wait-1", "closed");
}

TEST(Reset, WhoIsTakenForResetAndSpeaksStandsWhereItStoodBefore) {
    Dialogue d;
    d.client_half_closed();
    d.server(data(5001, 1002, 100));
    d.server(rst(5001));
    EXPECT_STATES(d, "fin-wait-2", "closed");
    take_reset(d.connection);
    EXPECT_STATES(d, "closed", "closed");
    d.client(fin(1001, 5001));
    EXPECT_STATES(d, "fin-wait-1", "closed");
}

TEST(Reset, OfAnAdoptedSynAckIsCertain) {
    Connection c = open(syn_ack(5000, 1001))->connection;
    advance(c, Role::client, rst(1001));
    EXPECT_EQ(c.of(Role::server).state, State::closed);
    advance(c, Role::server, fin(5030, 600'000'000));  // forged
    EXPECT_EQ(c.of(Role::server).state, State::closed);
}

TEST(Reset, FromBothSidesIsNotTakenBackByAStray) {
    Dialogue d;
    d.handshake();
    d.client(rst_ack(1001, 5001));
    d.server(rst_ack(5001, 1001));
    d.server(ack(5001, 1001));
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, BeyondTheWindowIsNotTakenEvenBehindAWindowProbe) {
    Dialogue d;
    d.handshake();
    Segment closed = ack(5001, 1001);
    d.client(data(1001, 5001, kWindow));
    closed.ack = Seq(1001 + kWindow);
    closed.window = 0;
    d.server(closed);
    d.client(data(1001 + kWindow, 5001, 1));
    EXPECT_EQ(d.client(rst(1002 + kWindow)), Outcome::invalid);
    EXPECT_STATES(d, "established", "established");
}

TEST(Reset, BehindAFinThatIsNotAcknowledgedYetClosesBothSides) {
    Dialogue d;
    d.handshake();
    d.client(fin(1001, 5001));
    EXPECT_EQ(d.client(rst(1001)), Outcome::accepted);
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, BlindOrOldSegmentsReviveNothing) {
    Dialogue d;
    d.handshake();
    d.client(data(1001, 5001, 1));
    d.server(data(5001, 1002, 1));
    d.client(ack(1002, 5002));
    d.server(data(5002, 1002, 1));
    d.server(rst(5003));
    EXPECT_EQ(d.client(data(0x50000000, 0x60000000, 1)), Outcome::invalid);
    d.client(data(1001, 5001, 1));
    EXPECT_STATES(d, "closed", "closed");
}

TEST(Reset, WhatWasInFlightTowardsACertainResetRevivesNothing) {
    Dialogue d;
    d.handshake();
    d.client(rst(1001));
    d.server(data(5001, 1001, 100));
    EXPECT_STATES(d, "closed", "closed");
}

}  // namespace
}  // namespace finwait::tcp::testing
