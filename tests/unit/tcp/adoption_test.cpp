#include "support/dialogue.hpp"

namespace finwait::tcp::testing {
namespace {

TEST(Adoption, ASideIsUnknownUntilItsDataProvesIt) {
    Dialogue d;
    d.client(data(2000, 7000, 10));
    EXPECT_TRUE(d.connection.adopted);
    EXPECT_STATES(d, "unknown", "unknown");
    d.server(data(7000, 2010, 10));
    d.client(data(2010, 7010, 10));
    EXPECT_STATES(d, "unknown", "unknown");
    d.server(data(7010, 2020, 10));
    EXPECT_STATES(d, "established", "established");
}

TEST(Adoption, AFirstFinAndItsAckDoNotProveThatTheOtherSideIsOpen) {
    Dialogue d;
    d.client(fin(2000, 7000));
    d.server(ack(7000, 2001));
    EXPECT_STATES(d, "unknown", "unknown");
    EXPECT_EQ(closer(d.connection), std::nullopt);
}

TEST(Adoption, DataAfterTheAckOfAFinProvesAHalfClose) {
    Dialogue d;
    d.client(fin(2000, 7000));
    d.server(ack(7000, 2001));
    d.server(data(7000, 2001, 10));
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
}

TEST(Adoption, TwoNewFinsGoTheOrdinaryWay) {
    Dialogue d;
    d.client(ack(2000, 7000));
    d.server(ack(7000, 2000));
    d.client(fin(2000, 7000));
    d.server(ack(7000, 2001));
    EXPECT_STATES(d, "unknown", "unknown");
    d.server(fin(7000, 2001));
    EXPECT_STATES(d, "fin-wait-2", "last-ack");
    d.client(ack(2001, 7001));
    EXPECT_STATES(d, "time-wait", "closed");
}

TEST(Adoption, AFirstFinThatAnswersAnotherMayBeACopyOfOneThatCrossedIt) {
    Dialogue d;
    d.client(fin(2000, 7000));
    d.server(fin(7000, 2001));
    EXPECT_STATES(d, "fin-wait-1", "unknown");
    EXPECT_FALSE(finished(d.connection));
    d.client(ack(2001, 7001));
    EXPECT_STATES(d, "time-wait", "unknown");
    EXPECT_TRUE(finished(d.connection));
}

TEST(Adoption, WhoeverHasAcknowledgedAFinBeforeItPassedMayHaveSentItsOwnBeforeOrAfter) {
    Dialogue d;
    d.client(fin(2000, 7001));
    d.server(fin(7000, 2000));
    EXPECT_STATES(d, "unknown", "fin-wait-1");
}

TEST(Adoption, AFinBelowWhatItsReceiverHasAcknowledgedIsNotTakenForReceived) {
    Dialogue d;
    d.client(ack(2000, 7000));
    d.client(fin(2000, 7000));
    d.server(fin(6900, 2001));
    EXPECT_FALSE(d.connection.of(Role::server).fin_acked);
    EXPECT_NE(d.connection.of(Role::client).state, State::time_wait);
    EXPECT_NE(d.connection.of(Role::client).state, State::closing);
}

TEST(Adoption, AnRstBeginsNothing) {
    Dialogue d;
    EXPECT_EQ(d.client(rst(5)), Outcome::invalid);
}

}  // namespace
}  // namespace finwait::tcp::testing
