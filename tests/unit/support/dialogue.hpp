// A conversation for tests: segments as the two sides send them, and the tracker that listens. The client's
// initial sequence number is 1000, the server's 5000, so that 1001 and 5001 are the first bytes.
#pragma once

#include "tcp/tracker.hpp"

#include <ostream>

#include <gtest/gtest.h>

namespace finwait::tcp {

inline void PrintTo(State s, std::ostream* out) {
    *out << name(s);
}
inline void PrintTo(Seq s, std::ostream* out) {
    *out << s.value();
}
inline void PrintTo(Outcome o, std::ostream* out) {
    static constexpr const char* kNames[] = {"accepted", "invalid", "challenge", "retracted", "reopened"};
    *out << kNames[static_cast<int>(o)];
}

namespace testing {

inline constexpr std::uint16_t kWindow = 64000;

inline Segment segment(std::uint8_t flags, std::uint32_t seq, std::uint32_t ack, std::uint32_t length = 0) {
    Segment s;
    s.flags = flags;
    s.seq = Seq(seq);
    s.ack = Seq(ack);
    s.length = length;
    s.window = kWindow;
    return s;
}

inline Segment syn(std::uint32_t seq, std::uint32_t length = 0) {
    return segment(flag::syn, seq, 0, length);
}
inline Segment syn_ack(std::uint32_t seq, std::uint32_t ack) {
    return segment(flag::syn | flag::ack, seq, ack);
}
inline Segment ack(std::uint32_t seq, std::uint32_t acked) {
    return segment(flag::ack, seq, acked);
}
inline Segment data(std::uint32_t seq, std::uint32_t acked, std::uint32_t length) {
    return segment(flag::ack | flag::psh, seq, acked, length);
}
inline Segment fin(std::uint32_t seq, std::uint32_t acked, std::uint32_t length = 0) {
    return segment(flag::fin | flag::ack, seq, acked, length);
}
inline Segment rst(std::uint32_t seq) {
    return segment(flag::rst, seq, 0);
}
inline Segment rst_ack(std::uint32_t seq, std::uint32_t acked) {
    return segment(flag::rst | flag::ack, seq, acked);
}

class Dialogue {
  public:
    Outcome client(const Segment& s) { return say(Role::client, s, false); }
    Outcome server(const Segment& s) { return say(Role::server, s, false); }
    /// The same right after something passed the other way: it may have crossed that.
    Outcome client_crossing(const Segment& s) { return say(Role::client, s, true); }
    Outcome server_crossing(const Segment& s) { return say(Role::server, s, true); }

    /// SYN, SYN-ACK, ACK.
    void handshake() {
        client(syn(1000));
        server(syn_ack(5000, 1001));
        client(ack(1001, 5001));
    }
    /// The client has closed and the server has acknowledged it: FIN_WAIT_2 and CLOSE_WAIT.
    void client_half_closed() {
        handshake();
        client(fin(1001, 5001));
        server(ack(5001, 1002));
    }

    [[nodiscard]] State client_state() const { return connection.of(Role::client).state; }
    [[nodiscard]] State server_state() const { return connection.of(Role::server).state; }
    [[nodiscard]] bool progress() const { return progress_; }

    Connection connection;

  private:
    Outcome say(Role from, const Segment& s, bool crossing) {
        if (!begun_) {
            const auto opened = open(s);
            if (!opened) return Outcome::invalid;
            begun_ = true;
            connection = opened->connection;
            // The tests name the sides; whoever speaks first may turn out to be the server.
            if (opened->sender != from) std::swap(connection.side[0], connection.side[1]);
            return Outcome::accepted;
        }
        const Advance advance = tcp::advance(connection, from, s, crossing);
        progress_ = advance.progress;
        return advance.outcome;
    }

    bool begun_ = false;
    bool progress_ = false;
};

/// Both states at once, so that a failure shows the pair.
#define EXPECT_STATES(dialogue, client, server)                         \
    EXPECT_EQ(::finwait::tcp::name((dialogue).client_state()), client); \
    EXPECT_EQ(::finwait::tcp::name((dialogue).server_state()), server)

}  // namespace testing
}  // namespace finwait::tcp
