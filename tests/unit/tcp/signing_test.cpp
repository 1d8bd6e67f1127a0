#include "tcp/signing.hpp"

#include "support/dialogue.hpp"

namespace finwait::tcp::testing {
namespace {

Segment by(std::uint8_t option, Segment s) {
    s.options |= option;
    return s;
}
Segment md5(const Segment& s) {
    return by(option::md5, s);
}

class Signing : public ::testing::TestWithParam<std::uint8_t> {
  protected:
    static Segment seal(const Segment& s) { return by(GetParam(), s); }
    /// What every segment of an unsigned flow leaves as it was.
    static void expect_unchanged(Dialogue& d, Role from, const Segment& s) {
        const Connection before = d.connection;
        EXPECT_EQ(from == Role::client ? d.client(s) : d.server(s), Outcome::invalid);
        for (const Role role : {Role::client, Role::server}) {
            const Side& was = before.of(role);
            const Side& is = d.connection.of(role);
            EXPECT_EQ(is.state, was.state);
            EXPECT_EQ(is.next, was.next);
            EXPECT_EQ(is.ack, was.ack);
            EXPECT_EQ(is.edge, was.edge);
            EXPECT_EQ(is.unsigned_dropped, was.unsigned_dropped);
        }
        EXPECT_FALSE(d.connection.rst.has_value());
    }
};

TEST_P(Signing, AFlowWhoseSynsAreSignedIsSigned) {
    Dialogue d;
    d.client(seal(syn(1000)));
    d.server(seal(syn_ack(5000, 1001)));
    d.client(seal(ack(1001, 5001)));
    d.client(seal(data(1001, 5001, 10)));
    d.server(seal(ack(5001, 1011)));
    EXPECT_STATES(d, "established", "established");
    EXPECT_TRUE(is_signed(d.connection));
}

TEST_P(Signing, InAnUnsignedFlowWhatIsSignedChangesNothing) {
    for (const Role from : {Role::client, Role::server}) {
        const std::uint32_t seq = from == Role::client ? 1001 : 5001;
        const std::uint32_t acked = from == Role::client ? 5001 : 1001;
        for (const Segment& s : {ack(seq, acked), data(seq, acked, 400), fin(seq, acked), rst(seq),
                                 rst_ack(seq, acked), ack(seq, acked + 1)}) {
            Dialogue d;
            d.handshake();
            expect_unchanged(d, from, seal(s));
            EXPECT_FALSE(is_signed(d.connection));
            EXPECT_EQ(d.client(fin(1001, 5001)), Outcome::accepted);
            d.server(ack(5001, 1002));
            EXPECT_STATES(d, "fin-wait-2", "close-wait");
        }
    }
}

TEST_P(Signing, DuringAnUnsignedHandshakeWhatIsSignedChangesNothing) {
    Dialogue d;
    d.client(syn(1000));
    expect_unchanged(d, Role::server, seal(rst_ack(0, 1001)));
    expect_unchanged(d, Role::server, seal(syn_ack(90'000, 1001)));
    d.server(syn_ack(5000, 1001));
    expect_unchanged(d, Role::client, seal(ack(1001, 5001)));
    expect_unchanged(d, Role::client, seal(rst(1001)));
    d.client(ack(1001, 5001));
    EXPECT_STATES(d, "established", "established");
}

TEST_P(Signing, AForgedSynThatLooksSignedIsTakenBack) {
    Dialogue same_number;
    same_number.client(syn(1000));
    same_number.client(seal(syn(1000)));
    Dialogue other_before;
    other_before.client(seal(syn(70'000)));
    other_before.client(syn(1000));
    Dialogue other_after;
    other_after.client(syn(1000));
    other_after.client(seal(syn(70'000)));
    for (Dialogue* d : {&same_number, &other_before, &other_after}) {
        EXPECT_EQ(d->server(syn_ack(5000, 1001)), Outcome::accepted);
        d->client(ack(1001, 5001));
        d->client(data(1001, 5001, 10));
        d->server(ack(5001, 1011));
        EXPECT_STATES(*d, "established", "established");
        EXPECT_FALSE(is_signed(d->connection));
        for (const Side& side : d->connection.side)
            EXPECT_FALSE(side.unsigned_dropped);
    }
}

TEST_P(Signing, ASignedSynAfterAForgedUnsignedOneIsFollowed) {
    Dialogue d;
    d.client(syn(70'000));
    d.client(seal(syn(1000)));
    EXPECT_EQ(d.server(seal(syn_ack(5000, 1001))), Outcome::accepted);
    d.client(seal(ack(1001, 5001)));
    EXPECT_STATES(d, "established", "established");
    EXPECT_TRUE(is_signed(d.connection));
}

TEST_P(Signing, InASignedFlowWhatIsNotSignedChangesNothing) {
    Dialogue d;
    d.client(seal(syn(1000)));
    d.server(seal(syn_ack(5000, 1001)));
    d.client(seal(ack(1001, 5001)));
    for (const Segment& s : {rst(1001), fin(1001, 5001), data(1001, 5001, 10)})
        expect_unchanged(d, Role::client, s);
    d.client(seal(data(1001, 5001, 10)));
    d.server(seal(ack(5001, 1011)));
    EXPECT_TRUE(is_signed(d.connection)) << "it has acknowledged the signed copy";
}

TEST_P(Signing, InASignedFlowWhatIsNotSignedIsNotBelievedLaterEither) {
    Dialogue d;
    d.client(seal(syn(1000)));
    d.server(seal(syn_ack(5000, 1001)));
    d.client(seal(ack(1001, 5001)));
    EXPECT_EQ(d.client(fin(1001, 5001)), Outcome::invalid);
    d.server(seal(data(5001, 1001, 10)));
    d.client(seal(ack(1001, 5011)));
    EXPECT_STATES(d, "established", "established");
    EXPECT_TRUE(is_signed(d.connection));
}

TEST_P(Signing, AnAcknowledgedUnsignedSegmentTakesItBack) {
    Dialogue d;
    d.client(seal(syn(1000)));
    d.server(seal(syn_ack(5000, 1001)));  // both forged, or their options added on the way
    d.client(ack(1001, 5001));
    d.client(data(1001, 5001, 10));
    EXPECT_TRUE(is_signed(d.connection));
    d.server(ack(5001, 1011));
    EXPECT_FALSE(is_signed(d.connection));
    d.client(data(1011, 5001, 10));
    EXPECT_EQ(d.connection.of(Role::client).next, Seq(1021));
}

TEST_P(Signing, PickedUpMidwayItIsSignedWhenBothSidesSign) {
    Dialogue one;
    one.client(data(2000, 7000, 10));
    one.client(seal(data(2010, 7000, 10)));
    EXPECT_FALSE(is_signed(one.connection));
    Dialogue both;
    both.client(seal(data(2000, 7000, 10)));
    both.server(seal(ack(7000, 2010)));
    EXPECT_TRUE(is_signed(both.connection));
}

TEST_P(Signing, PickedUpMidwayAnAcknowledgedUnsignedSegmentSettlesIt) {
    Dialogue d;
    d.client(seal(ack(2000, 7000)));
    d.server(seal(ack(7000, 2000)));
    EXPECT_TRUE(is_signed(d.connection));
    d.client(data(2000, 7000, 10));
    d.server(ack(7000, 2010));
    EXPECT_FALSE(is_signed(d.connection));
    expect_unchanged(d, Role::client, seal(data(2010, 7000, 400)));
    expect_unchanged(d, Role::server, seal(fin(7000, 2010)));
}

INSTANTIATE_TEST_SUITE_P(Tcp, Signing, ::testing::Values(option::md5, option::ao),
                         [](const auto& tested) { return tested.param == option::md5 ? "Md5" : "Ao"; });

TEST(Multipath, OnlySynsSayThatAFlowIsASubflow) {
    Dialogue d;
    d.handshake();
    d.client(by(option::mptcp, data(1001, 5001, 10)));
    d.server(by(option::mptcp, ack(5001, 1011)));
    for (const Side& side : d.connection.side)
        EXPECT_FALSE(side.multipath);
    EXPECT_EQ(d.connection.of(Role::client).next, Seq(1011)) << "the option itself is ignored";
}

TEST(Multipath, OfTwoSynsTheOneThatIsAnsweredSaysSo) {
    Dialogue d;
    d.client(syn(1000));
    d.client(by(option::mptcp, md5(syn(70'000))));
    d.server(by(option::mptcp, md5(syn_ack(5000, 70'001))));
    d.client(by(option::mptcp, md5(ack(70'001, 5001))));
    EXPECT_STATES(d, "established", "established");
    EXPECT_TRUE(is_signed(d.connection));
    for (const Side& side : d.connection.side)
        EXPECT_TRUE(side.multipath);
}

}  // namespace
}  // namespace finwait::tcp::testing
