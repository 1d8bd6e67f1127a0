// Flows whose established life passes unseen: a FIN is then a claim until the peer confirms it.
#include "support/dialogue.hpp"
#include "tcp/report.hpp"

namespace finwait::tcp::testing {
namespace {

Dialogue on_fast_path() {
    Dialogue d;
    d.handshake();
    release(d.connection);
    return d;
}

TEST(FastPath, AfterUnseenDataBothSidesNumbersAreFoundAgainAtTheFin) {
    Dialogue d = on_fast_path();
    EXPECT_EQ(d.client(fin(900'000'000, 3'000'000'000)), Outcome::accepted);
    EXPECT_STATES(d, "fin-wait-1", "established");
    EXPECT_FALSE(exact(d.connection));
    EXPECT_EQ(d.server(ack(3'000'000'500, 900'000'001)), Outcome::accepted);
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
    EXPECT_TRUE(exact(d.connection));
    EXPECT_EQ(d.connection.of(Role::client).next, Seq(900'000'001));
    EXPECT_EQ(d.connection.of(Role::server).ack, Seq(900'000'001));
}

TEST(FastPath, WhatContradictsAFinThatFitsItsAcknowledgmentOnlyMakesBothSidesBeAsked) {
    Dialogue d = on_fast_path();
    d.client(rst(2'000'000'000));  // forged, and cannot be checked
    d.server(fin(5001, 1001));
    d.client(ack(1001, 5002));  // takes the RST back
    EXPECT_STATES(d, "close-wait", "fin-wait-2");
    EXPECT_EQ(d.server(data(2'500'000'000, 450'000'000, 76)), Outcome::retracted);
    EXPECT_STATES(d, "close-wait", "fin-wait-2");
    EXPECT_TRUE(report_open(d.connection));
    EXPECT_FALSE(exact(d.connection));
}

TEST(FastPath, AnAcknowledgedFinBoundsWhatItsSenderHasSent) {
    Dialogue d = on_fast_path();
    d.client(fin(1001, 5001));
    lose_numbers(d.connection);
    d.server(ack(5001, 1002));
    EXPECT_EQ(d.connection.of(Role::client).next, Seq(1002));
    EXPECT_TRUE(d.connection.of(Role::client).next_proven());
}

TEST(FastPath, WhatAnAnswerHasProvenNothingContradicts) {
    Dialogue d = on_fast_path();
    d.server(fin(5001, 1001));
    d.client(ack(1001, 5002));
    note_answer(d.connection.of(Role::server));
    EXPECT_EQ(d.server(data(2'500'000'000, 450'000'000, 76)), Outcome::invalid);
    EXPECT_EQ(d.connection.of(Role::client).next, Seq(1001));
    EXPECT_TRUE(exact(d.connection));
}

TEST(FastPath, DataBeyondAForgedFinTakesItBack) {
    Dialogue d = on_fast_path();
    d.client(fin(900'000'000, 3'000'000'000));
    EXPECT_EQ(d.client(data(900'000'001, 3'000'000'000, 10)), Outcome::retracted);
    EXPECT_STATES(d, "established", "established");
}

TEST(FastPath, AnAckBeyondAForgedFinTakesItBack) {
    Dialogue d = on_fast_path();
    d.client(fin(900'000'000, 3'000'000'000));
    EXPECT_EQ(d.server(ack(3'000'000'000, 900'000'777)), Outcome::retracted);
    EXPECT_STATES(d, "established", "established");
}

TEST(FastPath, AnAckFarBelowAForgedFinTakesItBack) {
    Dialogue d = on_fast_path();
    d.client(fin(900'000'000, 3'000'000'000));
    EXPECT_EQ(d.server(ack(3'000'000'000, 700'000'000)), Outcome::retracted);
    EXPECT_STATES(d, "established", "established");
}

TEST(FastPath, TheRealFinTakesTheForgedOnesPlace) {
    Dialogue d = on_fast_path();
    d.client(fin(900'000'000, 3'000'000'000));
    EXPECT_EQ(d.client(fin(77'000, 88'000)), Outcome::accepted);
    EXPECT_EQ(d.server(ack(88'000, 77'001)), Outcome::accepted);
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
}

TEST(FastPath, DataStillInFlightBeforeTheFinIsNoContradiction) {
    Dialogue d = on_fast_path();
    d.client(fin(900'000'000, 3'000'000'000));
    EXPECT_EQ(d.server(ack(3'000'000'000, 899'990'000)), Outcome::accepted);
    EXPECT_STATES(d, "fin-wait-1", "established");
    EXPECT_EQ(d.server(ack(3'000'000'000, 900'000'001)), Outcome::accepted);
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
}

TEST(FastPath, AForgedRstIsTakenBackWhenItsSenderGoesOn) {
    Dialogue d = on_fast_path();
    EXPECT_EQ(d.client(rst(123)), Outcome::accepted);
    EXPECT_STATES(d, "closed", "closed");
    EXPECT_EQ(d.client(data(900'000'000, 3'000'000'000, 10)), Outcome::accepted);
    EXPECT_STATES(d, "established", "established");
}

TEST(FastPath, ASegmentThatSlipsThroughMovesNothing) {
    Dialogue d = on_fast_path();
    EXPECT_EQ(d.server(data(77, 88, 99)), Outcome::accepted);
    EXPECT_TRUE(d.connection.released);
    EXPECT_FALSE(exact(d.connection));
}

}  // namespace
}  // namespace finwait::tcp::testing
