// The hosts are only worth something as far as they behave like real ones: what kernels were measured to
// answer.

#include "endpoint.hpp"

#include <gtest/gtest.h>

namespace finwait::sim {
namespace {

namespace flag = tcp::flag;
using enum tcp::State;

class Hosts : public ::testing::Test {
  protected:
    void open(Stack stack = Stack::linux) {
        EndpointOptions options;
        options.stack = stack;
        options.delayed_ack = false;
        a = Endpoint(options, at_a, at_b);
        options.listening = true;
        options.first_iss = 5000;
        b = Endpoint(options, at_b, at_a);
        a.connect(now);
        exchange();
    }
    void half_close(bool orphan) {
        open();
        orphan ? a.close(now) : a.shutdown(now);
        exchange();
    }
    /// Carries what both say to the other until nobody says anything more.
    void exchange() {
        while (!a.outbox().empty() || !b.outbox().empty()) {
            for (const Packet& p : std::exchange(a.outbox(), {}))
                b.on_packet(now, p);
            for (const Packet& p : std::exchange(b.outbox(), {}))
                a.on_packet(now, p);
        }
    }
    /// What A answers to a segment of a third party; "" for silence.
    std::string answer_of_a(std::uint8_t flags, tcp::Seq seq, std::uint32_t length = 0) {
        Packet p;
        p.segment.source = at_b;
        p.segment.destination = at_a;
        p.segment.flags = flags;
        p.segment.seq = seq;
        p.segment.ack = a.snd_nxt();
        p.segment.length = length;
        a.on_packet(now, p);
        const auto out = std::exchange(a.outbox(), {});
        return out.empty() ? "" : tcp::flags_text(out.front().segment.flags);
    }

    tcp::Endpoint at_a{*tcp::Address::parse("10.99.1.2"), 40'000};
    tcp::Endpoint at_b{*tcp::Address::parse("10.99.2.2"), 80};
    Endpoint a{{}, at_a, at_b};
    Endpoint b{{}, at_b, at_a};
    Instant now{std::chrono::seconds(1)};
};

TEST_F(Hosts, AnExactResetEndsAndAnInexactOneIsChallenged) {
    open();
    EXPECT_EQ(answer_of_a(flag::rst, a.rcv_nxt() + 9), "ACK");
    EXPECT_EQ(a.state(), established);
    EXPECT_EQ(answer_of_a(flag::rst, a.rcv_nxt()), "");
    EXPECT_EQ(a.state(), closed);
}

TEST_F(Hosts, ALinuxOrphanInFinWait2DiesSilentlyOfAnInexactReset) {
    half_close(true);
    EXPECT_EQ(a.state(), fin_wait_2);
    EXPECT_EQ(answer_of_a(flag::rst, a.rcv_nxt() + 9), "");
    EXPECT_EQ(a.state(), closed);
    EXPECT_EQ(a.facts().death, Death::silent);
}

TEST_F(Hosts, ALinuxCloseWaitTakesAResetAtTheFinsNumber) {
    open();
    b.shutdown(now);
    exchange();
    EXPECT_EQ(a.state(), close_wait);
    EXPECT_EQ(answer_of_a(flag::rst, a.rcv_nxt() - 1), "");
    EXPECT_EQ(a.state(), closed);
}

TEST_F(Hosts, AProbeDrawsAnAckOnceInHalfASecond) {
    half_close(false);
    EXPECT_EQ(answer_of_a(flag::ack, a.rcv_nxt() - 1), "ACK");
    EXPECT_EQ(answer_of_a(flag::ack, a.rcv_nxt() - 1), "");
    now = now + ms(500);
    EXPECT_EQ(answer_of_a(flag::ack, a.rcv_nxt() - 1), "ACK");
}

TEST_F(Hosts, DataToAnOrphanDrawsAReset) {
    half_close(true);
    EXPECT_EQ(answer_of_a(flag::ack, a.rcv_nxt(), 1), "RST");
    EXPECT_EQ(a.state(), closed);
}

TEST_F(Hosts, DataToAHalfClosedHostThatReadsIsTaken) {
    half_close(false);
    EXPECT_EQ(answer_of_a(flag::ack, a.rcv_nxt(), 1), "ACK");
    EXPECT_EQ(a.state(), fin_wait_2);
}

TEST_F(Hosts, ASynIsChallengedAndEndsALinuxOrphan) {
    half_close(false);
    EXPECT_EQ(answer_of_a(flag::syn, a.rcv_nxt() + 100), "ACK");
    half_close(true);
    EXPECT_EQ(answer_of_a(flag::syn, a.rcv_nxt() + 100), "RST|ACK");
    EXPECT_EQ(a.state(), closed);
}

TEST_F(Hosts, CrossingFinsMeetInClosingAndTimeWait) {
    open();
    a.shutdown(now);
    b.shutdown(now);
    const auto from_a = std::exchange(a.outbox(), {});
    const auto from_b = std::exchange(b.outbox(), {});
    a.on_packet(now, from_b.front());
    b.on_packet(now, from_a.front());
    EXPECT_EQ(a.state(), closing);
    EXPECT_EQ(b.state(), closing);
    exchange();
    EXPECT_EQ(a.state(), time_wait);
    EXPECT_EQ(b.state(), time_wait);
}

TEST_F(Hosts, AFinBeyondAHoleWaitsForIt) {
    open();
    b.write(now, 50);
    const auto data = std::exchange(b.outbox(), {});
    b.shutdown(now);
    a.on_packet(now, std::exchange(b.outbox(), {}).front());
    EXPECT_EQ(a.state(), established);
    a.on_packet(now, data.front());
    EXPECT_EQ(a.state(), close_wait);
}

}  // namespace
}  // namespace finwait::sim
