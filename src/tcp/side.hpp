// What is known of the two sides of a connection, seen from the middle of the path (RFC 9293 section 3.3.1's
// variables as far as passing segments prove them). Plain values; tracker.hpp has the rules that change them.
#pragma once

#include "tcp/basis.hpp"
#include "tcp/seq.hpp"
#include "tcp/state.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace finwait::tcp {

struct Side {
    Seq iss;           // valid with syn_seen
    Seq next;          // end of the highest sequence space sent (SND.NXT), as next_basis tells
    Seq ack;           // highest acknowledgment sent (its proven RCV.NXT), as ack_basis tells
    Seq edge;          // right edge of the window offered: the peer may send up to here; known with ack
    Seq fin_ack_seq;   // where it stood when it first acknowledged the peer's FIN; valid with acked_fin
    Seq fin;           // end of its FIN, so its last sequence number plus one; valid with fin_seen()
    Seq unsigned_end;  // valid with unsigned_sent
    std::uint32_t max_window = 0;  // largest window that it may have offered, bytes
    std::uint32_t ts_value = 0;    // latest timestamp sent (RFC 7323), as ts_basis tells
    std::uint16_t window = 0;      // as last sent, unscaled
    std::uint16_t ip_id = 0;       // IPv4 identification last sent
    State state = State::closed;
    State before_fin = State::closed;    // to go back to when the claim of a FIN is contradicted
    State before_reset = State::closed;  // to go back to when it turns out that an RST was not taken
    Basis next_basis = Basis::unknown;
    Basis ack_basis = Basis::unknown;
    Basis ts_basis = Basis::unknown;
    Fin fin_stage = Fin::none;
    std::uint8_t scale = 0;  // window shift offered (RFC 7323 section 2); valid with scale_offered
    std::uint8_t ttl = 0;    // as last sent

    bool syn_seen : 1 = false;
    bool fin_repeated : 1 = false;  // the FIN has passed more than once
    bool fin_covers : 1 = false;    // each copy of the FIN that passed acknowledged the peer's FIN
    bool acked_fin : 1 = false;     // it has acknowledged the peer's FIN
    bool acked_first : 1 = false;   // and did so when the peer's FIN had passed only once
    bool open : 1 = false;          // has sent new data while it was watched: had not closed before that
    bool scale_offered : 1 = false;
    bool timestamps : 1 = false;
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

    [[nodiscard]] bool next_known() const { return known(next_basis); }
    [[nodiscard]] bool next_proven() const { return next_basis == Basis::proven; }
    [[nodiscard]] bool ack_known() const { return known(ack_basis); }
    /// One of its numbers is guessed or stale.
    [[nodiscard]] bool is_doubtful() const { return doubtful(next_basis) || doubtful(ack_basis); }
    /// Its FIN has passed, or is reported.
    [[nodiscard]] bool fin_seen() const { return fin_stage != Fin::none; }
    [[nodiscard]] bool fin_acked() const {
        return fin_stage == Fin::acked || fin_stage == Fin::matched || fin_stage == Fin::reported;
    }
    /// It is a claim, which what follows may take back.
    [[nodiscard]] bool fin_claimed() const { return fin_stage == Fin::alone || fin_stage == Fin::unchecked; }
};

/// What is kept of a segment that is not believed yet.
struct Early {
    Seq seq;
    Seq ack;
    std::uint32_t length = 0;
    std::uint16_t window = 0;
    std::uint16_t ip_id = 0;
    std::uint8_t flags = 0;
    std::uint8_t ttl = 0;
    Role role = Role::client;  // its sender
};

/// A SYN that a synchronized peer has not answered yet (RFC 5961 section 4): only a SYN,ACK for it proves
/// that a new connection has taken the place of this one.
struct PendingSyn {
    Seq isn;
    std::uint8_t scale = 0;
    Role role = Role::client;  // its sender
    bool scale_offered : 1 = false;
    bool acks : 1 = false;  // it was a SYN,ACK
    bool more : 1 = false;  // SYN,ACKs with still other numbers have passed
    bool has_signature : 1 = false;
    bool multipath : 1 = false;
};

/// The RST that has closed the connection.
struct SeenRst {
    enum class Standing : std::uint8_t {
        claimed,  // it could not be checked, or not every receiver takes it
        likely,
        certain,  // it stood exactly at the receiver's acknowledgment
    };
    static constexpr std::size_t kStandingCount = 3;

    Role by = Role::client;
    Standing standing = Standing::claimed;
    bool answered = false;  // its receiver has spoken since

    [[nodiscard]] bool claimed() const { return standing == Standing::claimed; }
};

struct Connection {
    std::array<Side, 2> side;            // by Role
    std::optional<Early> early;          // it came before what it acknowledges
    std::optional<Early> unsigned_word;  // of a signed connection: the latest unsigned segment
    std::optional<PendingSyn> pending;
    std::optional<SeenRst> rst;
    /// Where a FIN ended that something has contradicted (Fin::matched): both sides' answers tell whether
    /// there was one.
    std::optional<Seq> denied_fin;

    bool plain : 1 = false;     // its sides take unsigned segments, and so drop signed ones
    bool adopted : 1 = false;   // picked up midway: scales and earlier life are unknown
    bool released : 1 = false;  // on the fast path: only SYN, FIN and RST are seen

    [[nodiscard]] Side& of(Role r) { return side[index(r)]; }
    [[nodiscard]] const Side& of(Role r) const { return side[index(r)]; }
};

}  // namespace finwait::tcp
