#include "support/dialogue.hpp"

namespace finwait::tcp::testing {
namespace {

TEST(Window, ABlindFinOutsideTheWindowChangesNothing) {
    Dialogue d;
    d.handshake();
    EXPECT_EQ(d.client(fin(1001 + kWindow + 2, 5001)), Outcome::invalid);
    EXPECT_EQ(d.client(fin(0x40000000, 5001)), Outcome::invalid);
    EXPECT_STATES(d, "established", "established");
    EXPECT_EQ(d.connection.of(Role::client).next, Seq(1001));
}

TEST(Window, NothingComesBeforeASynAlsoWhereItsReceiverIsUnheard) {
    Dialogue d;
    d.server(syn_ack(0xC0000000, 1001));
    EXPECT_EQ(d.server(data(0x90000000, 2001, 29)), Outcome::invalid);
    EXPECT_EQ(d.connection.of(Role::server).ack, Seq(1001));
    EXPECT_EQ(d.server(data(0xC0000001, 1001, 29)), Outcome::accepted);
}

TEST(Window, AcknowledgingWhatWasNeverSentIsInvalid) {
    Dialogue d;
    d.handshake();
    EXPECT_EQ(d.server(ack(5001, 1002)), Outcome::invalid);
}

TEST(Window, AnAckFarBelowIsInvalid) {
    Dialogue d;
    d.handshake();
    for (std::uint32_t sent = 0; sent < 200'000; sent += 50'000) {
        d.client(data(1001 + sent, 5001, 50'000));
        d.server(ack(5001, 51'001 + sent));
    }
    EXPECT_EQ(d.server(ack(5001, 100'000)), Outcome::invalid);
    EXPECT_EQ(d.server(ack(5001, 190'000)), Outcome::accepted);
}

TEST(Window, AKeepaliveOneBelowIsValid) {
    Dialogue d;
    d.handshake();
    EXPECT_EQ(d.client(ack(1000, 5001)), Outcome::accepted);
    EXPECT_FALSE(d.progress());
}

TEST(Window, AProbeOneByteBeyondAClosedWindowIsValid) {
    Dialogue d;
    d.handshake();
    Segment closed = ack(5001, 1001);
    closed.window = 0;
    d.client(data(1001, 5001, kWindow));
    closed.ack = Seq(1001 + kWindow);
    d.server(closed);
    EXPECT_EQ(d.client(data(1001 + kWindow, 5001, 1)), Outcome::accepted);
    EXPECT_EQ(d.client(data(1002 + kWindow, 5001, 1)), Outcome::invalid);
}

TEST(Window, OldSegmentsFromBeforeTheWindowAreInvalid) {
    Dialogue d;
    d.handshake();
    for (std::uint32_t sent = 0; sent < 200'000; sent += 50'000) {
        d.client(data(1001 + sent, 5001, 50'000));
        d.server(ack(5001, 51'001 + sent));
    }
    EXPECT_EQ(d.client(data(1001, 5001, 100)), Outcome::invalid);
    EXPECT_EQ(d.client(data(151'001, 5001, 100)), Outcome::accepted);
    EXPECT_FALSE(d.progress());
}

}  // namespace
}  // namespace finwait::tcp::testing
