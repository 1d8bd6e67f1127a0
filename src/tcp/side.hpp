// What is known of the two sides of a connection, seen from the middle of the path (RFC 9293 section 3.3.1's
// variables as far as passing segments prove them). Plain values; tracker.hpp has the rules that change them.
#pragma once

#include "tcp/seq.hpp"
#include "tcp/state.hpp"

#include <array>
#include <cstdint>

namespace finwait::tcp {

struct Side {
    Seq iss;           // valid with syn_seen
    Seq next;          // end of the highest sequence space sent (SND.NXT); valid with fresh
    Seq ack;           // highest acknowledgment sent (its proven RCV.NXT); valid with acked
    Seq edge;          // right edge of the window offered: the peer may send up to here; valid with acked
    Seq fin_ack_seq;   // where it stood when it first acknowledged the peer's FIN; valid with acked_fin
    Seq fin;           // end of its FIN, so its last sequence number plus one; valid with fin_seen
    Seq unsigned_end;  // valid with unsigned_sent
    std::uint32_t max_window = 0;  // largest window that it may have offered, bytes
    std::uint32_t ts_value = 0;    // latest timestamp sent (RFC 7323); valid with timestamps
    std::uint16_t window = 0;      // as last sent, unscaled
    std::uint16_t ip_id = 0;       // IPv4 identification last sent
    State state = State::closed;
    State before_fin = State::closed;    // to go back to when the claim of a FIN is contradicted
    State before_reset = State::closed;  // to go back to when it turns out that an RST was not taken
    std::uint8_t scale = 0;  // window shift offered (RFC 7323 section 2); valid with scale_offered
    std::uint8_t ttl = 0;    // as last sent

    bool fresh : 1 = false;     // next is current: nothing has passed unseen since
    bool complete : 1 = false;  // next is also an upper bound: everything sent has been seen
    bool acked : 1 = false;     // it has sent an acknowledgment that is current
    bool recalled : 1 = false;  // next and ack are remembered or, of a blind connection, made up
    bool syn_seen : 1 = false;
    bool fin_seen : 1 = false;
    bool fin_by_hearsay : 1 = false;  // conntrack says so; it has not passed since
    bool fin_acked : 1 = false;       // the peer's acknowledgment of the FIN has passed
    bool fin_claimed : 1 = false;     // the FIN could not be checked and waits for the peer's acknowledgment
    bool fin_repeated : 1 = false;    // the FIN has passed more than once
    bool fin_covers : 1 = false;      // each copy of the FIN that passed acknowledged the peer's FIN
    bool acked_fin : 1 = false;       // it has acknowledged the peer's FIN
    bool acked_first : 1 = false;     // and did so when the peer's FIN had passed only once
    bool open : 1 = false;            // has sent new data while it was watched: had not closed before that
    bool scale_offered : 1 = false;
    bool timestamps : 1 = false;
    bool ts_recalled : 1 = false;   // ts_value is remembered: later ones may have passed unseen
    bool window_stale : 1 = false;  // its peer may have been told another window since, or not yet this one
    bool marks_ecn : 1 = false;     // its acknowledgments carry ECN's bits (RFC 3168, RFC 9768)
    bool sack : 1 = false;
    bool unsigned_dropped : 1 =
        false;  // its SYN was signed by MD5 or AO (RFC 2385, RFC 5925); see signing.hpp
    bool unsigned_sent : 1 =
        false;                    // it has sent something unsigned up to unsigned_end, not acknowledged yet
    bool counts_ids : 1 = false;  // its latest IPv4 ids, those of SYNs apart, are not 0: a socket's (Linux)
    bool multipath : 1 = false;   // MPTCP: one subflow of several (RFC 8684)
    bool fast_open : 1 = false;   // data in its SYN (RFC 7413)
};

/// What is kept of a segment that came before what it acknowledges.
struct Early {
    Seq seq;
    Seq ack;
    std::uint32_t length = 0;
    std::uint16_t window = 0;
    std::uint16_t ip_id = 0;
    std::uint8_t flags = 0;
    std::uint8_t ttl = 0;
};

struct Connection {
    std::array<Side, 2> side;  // by Role
    Early early;               // valid with early_seen

    /// A SYN that a synchronized peer has not answered yet (RFC 5961 section 4): only a SYN,ACK for it proves
    /// that a new connection has taken the place of this one.
    Seq pending_isn;
    std::uint8_t pending_scale = 0;
    bool pending : 1 = false;
    bool pending_scale_offered : 1 = false;
    bool pending_acks : 1 = false;  // it was a SYN,ACK
    bool pending_more : 1 = false;  // SYN,ACKs with still other numbers have passed
    bool pending_signed : 1 = false;
    bool pending_multipath : 1 = false;
    Role pending_role : 1 = Role::client;
    bool early_seen : 1 = false;
    Role early_role : 1 = Role::client;

    bool plain : 1 = false;           // its sides take unsigned segments, and so drop signed ones
    bool adopted : 1 = false;         // picked up midway: scales and earlier life are unknown
    bool blind : 1 = false;           // half-closed by hearsay, and not both sides have been heard
    bool released : 1 = false;        // on the fast path: only SYN, FIN and RST are seen
    bool reset_seen : 1 = false;      // closed by an RST
    bool reset_claimed : 1 = false;   // that RST could not be checked, or not every receiver takes it
    bool reset_answered : 1 = false;  // its receiver has spoken since
    bool reset_certain : 1 = false;   // that RST stood exactly at the receiver's acknowledgment
    Role reset_by : 1 = Role::client;

    [[nodiscard]] Side& of(Role r) { return side[index(r)]; }
    [[nodiscard]] const Side& of(Role r) const { return side[index(r)]; }
};

}  // namespace finwait::tcp
