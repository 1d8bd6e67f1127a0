#include "support/dialogue.hpp"

namespace finwait::tcp::testing {
namespace {

TEST(Opening, ASynProvesItsSenderOnly) {
    Dialogue d;
    d.client(syn(1000));
    EXPECT_STATES(d, "syn-sent", "closed");
}

TEST(Opening, TheThirdAcknowledgmentEstablishesBothSides) {
    Dialogue d;
    d.client(syn(1000));
    d.server(syn_ack(5000, 1001));
    EXPECT_STATES(d, "syn-sent", "syn-recv");
    d.client(ack(1001, 5001));
    EXPECT_STATES(d, "established", "established");
}

TEST(Opening, ARepeatedSynAckSaysThatTheAckWasLost) {
    Dialogue d;
    d.handshake();
    d.server(syn_ack(5000, 1001));
    EXPECT_STATES(d, "established", "syn-recv");
    d.client(ack(1001, 5001));
    EXPECT_STATES(d, "established", "established");
}

TEST(Opening, AnOldSynAckAfterDataChangesNothing) {
    Dialogue d;
    d.handshake();
    d.server(data(5001, 1001, 100));
    EXPECT_EQ(d.server(syn_ack(5000, 1001)), Outcome::invalid);
    EXPECT_STATES(d, "established", "established");
}

TEST(Opening, OfTwoSynAcksTheOneThatIsAcknowledgedCounts) {
    for (const std::uint32_t answered : {5000U, 90000U}) {
        Dialogue d;
        d.client(syn(1000));
        d.server(syn_ack(5000, 1001));
        d.server(syn_ack(90000, 1001));
        EXPECT_STATES(d, "syn-sent", "syn-recv");
        d.client(ack(1001, answered + 1));
        EXPECT_STATES(d, "established", "established");
    }
}

TEST(Opening, OfManySynAcksAnyMayBeTheOneThatIsAcknowledged) {
    for (const std::uint32_t answered : {5000U, 3'000'000'000U, 90'000U, 120'000U}) {
        for (const bool repeated : {false, true}) {
            Dialogue d;
            d.client(syn(1000));
            for (int round = 0; round < (repeated ? 2 : 1); ++round)
                for (const std::uint32_t number : {5000U, 3'000'000'000U, 90'000U, 120'000U})
                    d.server(syn_ack(number, 1001));
            EXPECT_STATES(d, "syn-sent", "syn-recv");
            EXPECT_EQ(d.client(data(1001, answered + 1, 10)), Outcome::accepted);
            EXPECT_STATES(d, "established", "established");
            EXPECT_EQ(d.server(data(answered + 1, 1011, 10)), Outcome::accepted);
            EXPECT_EQ(d.client(ack(1011, answered + 11)), Outcome::accepted);
        }
    }
}

TEST(Opening, BetweenTwoSynAcksAnAcknowledgmentOfNeitherIsNotBelieved) {
    Dialogue d;
    d.client(syn(1000));
    d.server(syn_ack(5000, 1001));
    d.server(syn_ack(3'000'000'000, 1001));
    EXPECT_EQ(d.client(ack(1001, 90'001)), Outcome::invalid);
    EXPECT_STATES(d, "syn-sent", "syn-recv");
}

TEST(Opening, AStraySynAckAfterTheEndChangesNothing) {
    Dialogue d;
    d.client_half_closed();
    d.server(fin(5001, 1002));
    d.client(ack(1002, 5002));
    EXPECT_EQ(d.server(syn_ack(5000, 1001)), Outcome::invalid);
    EXPECT_STATES(d, "time-wait", "closed");
}

TEST(Opening, ASynWithAnotherNumberStartsItsSideAgain) {
    Dialogue d;
    d.client(syn(1000));
    d.client(syn(70000));
    d.server(syn_ack(5000, 70001));
    d.client(ack(70001, 5001));
    EXPECT_STATES(d, "established", "established");
}

TEST(Opening, AForgedSynDuringTheHandshakeChangesNothing) {
    Dialogue d;
    d.client(syn(1000));
    d.client(syn(1798223544));
    EXPECT_EQ(d.server(syn_ack(5000, 1001)), Outcome::accepted);
    d.client(ack(1001, 5001));
    EXPECT_STATES(d, "established", "established");
}

TEST(Opening, ASynRepeatedWithOtherOptionsStartsItsSideAgain) {
    Dialogue d;
    Segment s = syn(1000);
    s.options = option::window_scale;
    s.scale = 7;
    d.client(s);
    d.client(syn(1000));
    EXPECT_FALSE(d.connection.of(Role::client).scale_offered);
}

TEST(Opening, ASynAckThatAnswersAnotherSynIsIgnored) {
    Dialogue d;
    d.client(syn(1000));
    EXPECT_EQ(d.server(syn_ack(5000, 999)), Outcome::invalid);
    EXPECT_STATES(d, "syn-sent", "closed");
}

TEST(Opening, SimultaneousOpenPassesSynReceivedOnBothSides) {
    Dialogue d;
    d.client(syn(1000));
    d.server(syn(5000));
    EXPECT_STATES(d, "syn-sent", "syn-sent");
    d.client(syn_ack(1000, 5001));
    EXPECT_STATES(d, "syn-recv", "syn-sent");
    d.server(syn_ack(5000, 1001));
    EXPECT_STATES(d, "established", "established");
}

TEST(Opening, SplitHandshakeOfFourSegmentsEstablishesBothSides) {
    Dialogue d;
    d.client(syn(1000));
    d.server(ack(5000, 1001));
    d.server(syn(5000));
    EXPECT_STATES(d, "syn-sent", "syn-sent");
    d.client(syn_ack(1000, 5001));
    d.server(ack(5001, 1001));
    EXPECT_STATES(d, "established", "established");
}

TEST(Opening, DataInASynMayBeAcknowledgedOrNot) {
    Dialogue taken;
    taken.client(syn(1000, 100));
    EXPECT_EQ(taken.server(syn_ack(5000, 1101)), Outcome::accepted);
    Dialogue refused;
    refused.client(syn(1000, 100));
    EXPECT_EQ(refused.server(syn_ack(5000, 1001)), Outcome::accepted);
    refused.client(data(1001, 5001, 100));
    EXPECT_STATES(refused, "established", "established");
}

TEST(Opening, ASynRepeatedWithoutItsDataIsStillTheSameSyn) {
    Dialogue d;
    d.client(syn(1000, 100));
    EXPECT_EQ(d.client(syn(1000)), Outcome::accepted);
    EXPECT_EQ(d.server(syn_ack(5000, 1101)), Outcome::accepted);
}

TEST(Opening, ASynAckBeforeItsSynIsSortedOut) {
    Dialogue d;
    d.server(syn_ack(5000, 1001));
    EXPECT_STATES(d, "unknown", "syn-recv");
    EXPECT_TRUE(d.connection.adopted);
    d.client(syn(1000));
    EXPECT_STATES(d, "syn-sent", "syn-recv");
    EXPECT_FALSE(d.connection.adopted);
    d.client(ack(1001, 5001));
    EXPECT_STATES(d, "established", "established");
}

TEST(Opening, ASegmentWithoutAckAfterTheHandshakeIsInvalid) {
    Dialogue d;
    d.handshake();
    EXPECT_EQ(d.client(segment(flag::psh, 1001, 0, 10)), Outcome::invalid);
}

TEST(Reuse, ASynAgainstASynchronizedConnectionAndItsChallengeChangeNothing) {
    Dialogue d;
    d.client_half_closed();
    EXPECT_EQ(d.server(syn(9000)), Outcome::invalid);
    d.client(ack(1002, 5001));
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
}

TEST(Reuse, ASynWithAHigherNumberAfterTimeWaitBeginsANewConnection) {
    Dialogue d;
    d.client_half_closed();
    d.server(fin(5001, 1002));
    d.client(ack(1002, 5002));
    EXPECT_STATES(d, "time-wait", "closed");
    EXPECT_EQ(d.server(syn(5001)), Outcome::invalid);  // not above what the client in TIME_WAIT has received
    EXPECT_EQ(d.server(syn(5003)), Outcome::reopened);
}

TEST(Reuse, AStrayCopyOfTheOldSynBeginsNothing) {
    Dialogue d;
    d.handshake();
    d.client(rst(1001));
    EXPECT_EQ(d.client(syn(1000)), Outcome::invalid);
    EXPECT_EQ(d.client(syn(2000)), Outcome::reopened);
}

TEST(Reuse, ASynAckForAPendingSynProvesTheNewConnection) {
    Dialogue d;
    d.client_half_closed();
    EXPECT_EQ(d.client(syn(90000)), Outcome::invalid);
    EXPECT_EQ(d.server(syn_ack(40000, 90001)), Outcome::reopened);
    const Opened opened = reopen(d.connection, Role::server, syn_ack(40000, 90001));
    EXPECT_EQ(opened.sender, Role::server);
    EXPECT_EQ(opened.connection.of(Role::client).state, State::syn_sent);
    EXPECT_EQ(opened.connection.of(Role::server).state, State::syn_received);
}

TEST(Opening, ASynThatCrossesASynAckOfAListenerMakesBothSidesSynReceivedAtMost) {
    Dialogue d;
    d.client(syn(1000));
    d.server(syn_ack(90'000, 1001));
    d.server(syn(5000));
    d.client(ack(1001, 5001));  // a challenge: the server's SYN has arrived first
    EXPECT_STATES(d, "syn-recv", "syn-sent");
}

TEST(Opening, NothingFollowsASynBeforeItIsAcknowledged) {
    Dialogue d;
    d.client(syn(1000));
    d.server(syn(5000));
    EXPECT_EQ(d.server(ack(90'001, 1001)), Outcome::invalid);
    EXPECT_STATES(d, "syn-sent", "syn-sent");
}

TEST(Opening, ASynAckForASynFromBeforeProvesTheCrossing) {
    Dialogue d;
    d.server(syn(5000));
    d.server(syn_ack(5000, 1001));
    EXPECT_STATES(d, "closed", "syn-recv");
    EXPECT_EQ(d.client(rst_ack(0, 5001)), Outcome::invalid) << "SYN-RECEIVED wants the exact number";
}

TEST(Opening, ASideWhoseSynWasBeforeJoinsWithTheRightNumbersOnly) {
    Dialogue d;
    d.server(syn(5000));
    d.server(syn_ack(5000, 1001));
    EXPECT_EQ(d.client(ack(1002, 5001)), Outcome::invalid);
    EXPECT_EQ(d.client(ack(1001, 5002)), Outcome::invalid);
    EXPECT_STATES(d, "closed", "syn-recv");
    EXPECT_EQ(d.client(ack(1001, 5001)), Outcome::accepted);
    EXPECT_STATES(d, "established", "established");
    d.server(data(5001, 1001, 10));
    d.client(fin(1001, 5011));
    d.server(ack(5011, 1002));
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
}

TEST(Opening, AServerThatIsHeardFirstAcknowledgesNoMoreThanItHasAllowed) {
    Dialogue d;
    d.server(syn_ack(5000, 1001));
    EXPECT_EQ(d.server(fin(5001, 700'000'000)), Outcome::invalid);
    EXPECT_STATES(d, "unknown", "syn-recv");
}

TEST(Reuse, AStraySynThatWasChallengedIsNotAnsweredByAStraySynAck) {
    Dialogue d;
    d.handshake();
    d.client(syn(90'000));
    d.server(ack(5001, 1001));
    EXPECT_EQ(d.server(syn_ack(40'000, 90'001)), Outcome::invalid);
    EXPECT_EQ(d.client(data(1001, 5001, 10)), Outcome::accepted);
    EXPECT_STATES(d, "established", "established");
}

TEST(Opening, ARepeatedSynAckMayOfferALargerWindow) {
    Dialogue d;
    d.client(syn(1000));
    Segment answer = syn_ack(5000, 1001);
    answer.window = 500;
    d.server(answer);
    answer.window = 600;
    d.server(answer);
    d.client(ack(1001, 5001));
    EXPECT_EQ(d.client(data(1001, 5001, 600)), Outcome::accepted);
}

TEST(Scaling, OfTheSynAckThatWasAnsweredCounts) {
    Dialogue d;
    Segment s = syn(1000);
    s.options = option::window_scale;
    d.client(s);
    d.server(syn(70'000));  // forged
    Segment bare = ack(5001, 1001);
    bare.window = 256;
    d.server(bare);
    Segment answer = syn_ack(5000, 1001);
    answer.options = option::window_scale;
    answer.scale = 8;
    d.server(answer);
    d.client(ack(1001, 5001));
    EXPECT_STATES(d, "established", "established");
    EXPECT_EQ(d.client(data(1001, 5001, 60'000)), Outcome::accepted);
}

TEST(Scaling, OneSideAloneDoesNotScale) {
    Dialogue d;
    Segment s = syn(1000);
    s.options = option::window_scale;
    s.scale = 7;
    d.client(s);
    d.server(syn_ack(5000, 1001));
    EXPECT_EQ(scale_in_force(d.connection, Role::client), 0);
}

TEST(Scaling, BothSidesScaleAndWindowsInSynsDoNot) {
    Dialogue d;
    Segment s = syn(1000);
    s.options = option::window_scale;
    s.scale = 7;
    d.client(s);
    Segment answer = syn_ack(5000, 1001);
    answer.options = option::window_scale;
    answer.scale = 2;
    d.server(answer);
    EXPECT_EQ(scale_in_force(d.connection, Role::client), 7);
    EXPECT_EQ(scale_in_force(d.connection, Role::server), 2);
    EXPECT_EQ(d.connection.of(Role::server).edge, Seq(1001 + kWindow));
    d.client(ack(1001, 5001));
    EXPECT_EQ(d.connection.of(Role::client).edge, Seq(5001 + (kWindow << 7)));
}

}  // namespace
}  // namespace finwait::tcp::testing
