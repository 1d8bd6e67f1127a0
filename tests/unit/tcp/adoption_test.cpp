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

TEST(Adoption, AFinThatAcknowledgesAFinIsNoHalfClose) {
    for (const bool client_first : {true, false}) {
        Dialogue d;
        d.client(data(2000, 7000, 10));
        d.server(data(7000, 2010, 10));
        if (client_first) {
            d.client(fin(2110, 7010, 10));
            d.server(fin(7500, 2121, 10));
            EXPECT_STATES(d, "fin-wait-1", "last-ack");
            d.client(ack(2121, 7511));
            EXPECT_STATES(d, "time-wait", "closed");
        } else {
            d.server(fin(7500, 2010, 10));
            d.client(fin(2110, 7511, 10));
            EXPECT_STATES(d, "last-ack", "fin-wait-1");
            d.server(ack(7511, 2121));
            EXPECT_STATES(d, "closed", "time-wait");
        }
    }
}

TEST(Adoption, FinsThatCrossAreNoHalfClose) {
    Dialogue d;
    d.client(data(2000, 7000, 10));
    d.server(data(7000, 2010, 10));
    d.client(fin(2010, 7010));
    d.server(fin(7010, 2010));
    EXPECT_STATES(d, "fin-wait-1", "fin-wait-1");
    d.client(ack(2011, 7011));
    d.server(ack(7011, 2011));
    EXPECT_STATES(d, "time-wait", "time-wait");
}

TEST(Adoption, ASideThatIsSeenAloneIsFollowedBehindItsSyn) {
    Dialogue d;
    d.client(syn(1000));
    follow_one_side(d.connection, Role::client);
    d.client(data(1001, 5001, 10));
    EXPECT_STATES(d, "established", "unknown");
    d.client(fin(1011, 9001));
    EXPECT_STATES(d, "fin-wait-1", "unknown");
}

TEST(Adoption, AServerThatIsSeenAloneHasGotWhatItAcknowledgesBeyondTheSyn) {
    Dialogue d;
    d.server(syn_ack(5000, 1001));
    d.server(ack(5001, 1001));
    EXPECT_STATES(d, "unknown", "syn-recv");
    d.server(data(5001, 1011, 10));
    EXPECT_STATES(d, "unknown", "established");
    d.server(fin(5011, 1011));
    EXPECT_STATES(d, "unknown", "fin-wait-1");
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
    EXPECT_FALSE(d.connection.of(Role::server).fin_acked());
    EXPECT_NE(d.connection.of(Role::client).state, State::time_wait);
    EXPECT_NE(d.connection.of(Role::client).state, State::closing);
}

TEST(Adoption, AnRstBeginsNothing) {
    Dialogue d;
    EXPECT_EQ(d.client(rst(5)), Outcome::invalid);
}

}  // namespace
}  // namespace finwait::tcp::testing
