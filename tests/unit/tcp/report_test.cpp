// Connections that are known by conntrack's word: what settles it, and what takes it back.

#include "tcp/report.hpp"

#include "support/dialogue.hpp"

namespace finwait::tcp::testing {
namespace {

/// Said to be half-closed by the client, whose FIN ends at 1002; the server stands at 5001.
class Told : public ::testing::Test {
  protected:
    Finding client(const Segment& s) { return check_position(c, Role::client, s); }
    Finding server(const Segment& s) { return check_position(c, Role::server, s); }
    void expect_states(State client, State server) const {
        EXPECT_EQ(name(c.of(Role::client).state), name(client));
        EXPECT_EQ(name(c.of(Role::server).state), name(server));
    }
    void expect_settled() const {
        EXPECT_FALSE(report_open(c));
        EXPECT_TRUE(exact(c));
        expect_states(State::fin_wait_2, State::close_wait);
        EXPECT_EQ(c.of(Role::client).fin, Seq(1002));
        EXPECT_EQ(c.of(Role::client).next, Seq(1002));
        EXPECT_EQ(c.of(Role::client).ack, Seq(5001));
        EXPECT_EQ(c.of(Role::server).next, Seq(5001));
        EXPECT_EQ(c.of(Role::server).ack, Seq(1002));
    }
    void expect_taken_back() const {
        EXPECT_FALSE(report_open(c));
        EXPECT_FALSE(in_doubt(c));
        EXPECT_EQ(closer(c), std::nullopt);
        expect_states(State::unknown, State::unknown);
    }

    Connection c = half_closed_by_report(Role::client, {Seq(77), Seq(99)});
};

TEST_F(Told, NothingIsExactBeforeAnybodyIsHeard) {
    EXPECT_TRUE(report_open(c) && in_doubt(c) && c.adopted);
    EXPECT_FALSE(exact(c));
    EXPECT_EQ(closer(c), Role::client);
}

TEST_F(Told, WhatBothSayInEitherOrderSettlesTheNumbers) {
    EXPECT_EQ(client(ack(1002, 5001)), Finding::nothing);
    EXPECT_FALSE(exact(c));
    EXPECT_EQ(server(ack(5001, 1002)), Finding::confirmed);
    expect_settled();

    c = half_closed_by_report(Role::client, {Seq(77), Seq(99)});
    EXPECT_EQ(server(ack(5001, 1002)), Finding::nothing);
    EXPECT_FALSE(exact(c));
    EXPECT_EQ(client(ack(1002, 5001)), Finding::confirmed);
    expect_settled();
}

TEST_F(Told, AKeepaliveOfTheCloserStandsOneBelowItsFin) {
    client(ack(1001, 5001));
    EXPECT_EQ(server(ack(5001, 1002)), Finding::confirmed);
    expect_settled();

    c = half_closed_by_report(Role::client, {Seq(77), Seq(99)});
    server(ack(5001, 1002));
    EXPECT_EQ(client(ack(1001, 5001)), Finding::confirmed);
    expect_settled();
}

TEST_F(Told, AKeepaliveOfTheHolderIsCorrectedByWhatTheCloserHasGot) {
    server(ack(5000, 1002));
    EXPECT_EQ(client(ack(1002, 5001)), Finding::confirmed);
    expect_settled();
}

TEST_F(Told, DataOfTheHolderBelongsToAHalfClose) {
    server(data(5001, 1002, 100));
    advance(c, Role::server, data(5001, 1002, 100));
    EXPECT_EQ(client(ack(1002, 5101)), Finding::confirmed);
    EXPECT_EQ(closer(c), Role::client);
    EXPECT_EQ(c.of(Role::server).next, Seq(5101));
    EXPECT_TRUE(exact(c));
}

TEST_F(Told, AnAcknowledgmentThatIsNotOfTheFinContradicts) {
    client(ack(1002, 5001));
    EXPECT_EQ(server(ack(5001, 1001)), Finding::contradicted);
    expect_taken_back();

    c = half_closed_by_report(Role::client, {Seq(77), Seq(99)});
    server(ack(5001, 1002));
    EXPECT_EQ(client(ack(1500, 5001)), Finding::contradicted);
    expect_taken_back();
}

TEST_F(Told, DataOfTheCloserContradicts) {
    EXPECT_EQ(client(data(1002, 5001, 10)), Finding::contradicted);
    expect_taken_back();
}

TEST_F(Told, AFinOfTheCloserIsTheRealOneAndIsFollowedAsSuch) {
    EXPECT_EQ(client(fin(1001, 5001)), Finding::contradicted);
    advance(c, Role::client, fin(1001, 5001));
    expect_states(State::fin_wait_1, State::established);
    advance(c, Role::server, ack(5001, 1002));
    expect_states(State::fin_wait_2, State::close_wait);
    EXPECT_TRUE(exact(c));
}

TEST_F(Told, TheHoldersFinEndsIt) {
    server(fin(5001, 1002));
    advance(c, Role::server, fin(5001, 1002));
    expect_states(State::fin_wait_2, State::last_ack);
    client(ack(1002, 5002));
    advance(c, Role::client, ack(1002, 5002));
    expect_states(State::time_wait, State::closed);
}

TEST_F(Told, AlsoOnceItIsSettledMoreDataOfTheCloserTakesItBack) {
    client(ack(1002, 5001));
    server(ack(5001, 1002));
    EXPECT_EQ(advance(c, Role::client, data(1002, 5001, 10)).outcome, Outcome::retracted);
    expect_states(State::established, State::established);
    EXPECT_EQ(advance(c, Role::server, ack(5001, 1012)).outcome, Outcome::accepted);
}

TEST_F(Told, WhatLiesOutsideOfTheWindowDoesNot) {
    client(ack(1002, 5001));
    server(ack(5001, 1002));
    EXPECT_EQ(advance(c, Role::client, data(2'000'000'000, 5001, 10)).outcome, Outcome::invalid);
    EXPECT_EQ(closer(c), Role::client);
}

TEST_F(Told, OnceTheFinItselfHasPassedItIsNoReport) {
    client(ack(1002, 5001));
    server(ack(5001, 1002));
    advance(c, Role::client, fin(1001, 5001));
    advance(c, Role::server, ack(5001, 1002));
    EXPECT_EQ(advance(c, Role::client, data(1002, 5001, 10)).outcome, Outcome::invalid);
    EXPECT_EQ(closer(c), Role::client);
}

TEST_F(Told, RstAndSynSettleNothing) {
    EXPECT_EQ(client(rst(5)), Finding::nothing);
    EXPECT_EQ(server(syn(5)), Finding::nothing);
    EXPECT_TRUE(report_open(c));
}

TEST_F(Told, LostPacketsLeaveItAClaim) {
    client(ack(1002, 5001));
    lose_numbers(c);
    EXPECT_TRUE(report_open(c) && in_doubt(c));
    client(ack(1002, 5001));
    server(ack(5001, 1002));
    expect_settled();
}

TEST_F(Told, TheWordOfEitherSideHasToDoWhereTheOtherIsSilent) {
    client(ack(1002, 5001));
    excuse_silence(c, Role::server);
    expect_settled();

    c = half_closed_by_report(Role::client, {Seq(77), Seq(99)});
    server(ack(5001, 1002));
    excuse_silence(c, Role::client);
    expect_settled();

    c = half_closed_by_report(Role::client, {Seq(77), Seq(99)});
    excuse_silence(c, Role::client);
    EXPECT_FALSE(exact(c)) << "nobody has said anything";
}

/// Picked up midway by a segment of the server, which is taken for the client.
Connection picked_up(const Segment& s) {
    return open(s)->connection;
}

TEST(Report, WhoWasSaidToBeOpenAndThenClosesIsFollowedFromThere) {
    Connection c = picked_up(fin(5001, 1001));
    swap_roles(c);
    take_report(c, std::nullopt, {});
    EXPECT_EQ(name(c.of(Role::server).state), "fin-wait-1");
    EXPECT_EQ(name(c.of(Role::client).state), "established");
    advance(c, Role::client, ack(1001, 5002));
    EXPECT_EQ(closer(c), Role::server);
}

TEST(Report, AFlowPickedUpMidwayBecomesAClaim) {
    Connection c = picked_up(ack(5001, 1002));
    swap_roles(c);
    take_report(c, Role::client, {Seq(1), Seq(2)});
    EXPECT_TRUE(report_open(c));
    EXPECT_EQ(closer(c), Role::client);
}

TEST(Report, NotOneWhoseCloserHasSentDataSince) {
    Connection c = picked_up(data(1001, 5001, 10));
    advance(c, Role::client, data(1011, 5001, 10));
    take_report(c, Role::client, {Seq(1), Seq(2)});
    EXPECT_FALSE(report_open(c));
    EXPECT_EQ(closer(c), std::nullopt);
    EXPECT_EQ(name(c.of(Role::client).state), "established");
}

TEST(Report, AnOpenOneOnTheFastPathIsFollowedFromItsFinOn) {
    Connection c = open_by_report(true);
    EXPECT_TRUE(established(c) && c.released && c.adopted);
    advance(c, Role::server, fin(5001, 1001));
    advance(c, Role::client, ack(1001, 5002));
    EXPECT_EQ(closer(c), Role::server);
    EXPECT_TRUE(exact(c));
}

}  // namespace
}  // namespace finwait::tcp::testing
