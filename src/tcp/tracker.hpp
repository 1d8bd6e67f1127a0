// Follows both sides of one connection by the segments that pass (RFC 9293, RFC 5961, RFC 7323). Claims only
// what they prove; a segment that fails the window test, or contradicts what is proven, changes nothing.
#pragma once

#include "tcp/segment.hpp"
#include "tcp/side.hpp"
#include "tcp/transitions.hpp"

#include <cstdint>
#include <optional>

namespace finwait::tcp {

enum class Outcome : std::uint8_t {
    accepted,   // valid; may have moved a side
    invalid,    // fails the window test, stale or contradictory: nothing has changed
    challenge,  // an RST in the window but not exact: wait for the challenge exchange (RFC 5961 section 3)
    retracted,  // contradicts a claim, which has been taken back; the numbers are no longer known
    reopened,   // begins another connection between the same endpoints: open() that one
};

struct Advance {
    Outcome outcome = Outcome::accepted;
    bool progress = false;  // carried new data, SYN or FIN, or acknowledged something new
};

/// A connection as its first visible segment shows it, and the role of that segment's sender. A SYN makes its
/// sender the client, a SYN,ACK its sender the server; by anything else the connection is adopted, its sender
/// taken for the client and both sides unknown. Empty for segments that begin nothing: RST, and segments
/// without ACK or SYN.
struct Opened {
    Connection connection;
    Role sender = Role::client;
};
[[nodiscard]] std::optional<Opened> open(const Segment& first);

/// The connection that a `reopened` segment begins in place of `old`; `sender` is its sender's role in `old`.
[[nodiscard]] Opened reopen(const Connection& old, Role sender, const Segment& segment);

/// Takes note of a segment sent by `from`. `crossing`: something has passed towards `from` so shortly before
/// that this segment may have been sent before that arrived. Then a repetition does not prove a loss: if
/// there was one, another repetition will follow, whereas a belief in a loss that never was would be
/// corrected by nothing.
Advance advance(Connection& connection, Role from, const Segment& segment, bool crossing = false);

/// Takes over a segment's timestamp. Of an answer to us, which does not go on to the other side, nothing else
/// is taken over (RFC 7323 section 3.2).
void note_timestamp(Side& sender, const Segment& segment);

/// The side has answered a question of ours where its FIN, if it has sent one, ends: nobody else has made
/// that up.
void note_answer(Side& sender);

/// One side's segments pass elsewhere, and the SYN and what follows of `from` are seen alone: it goes on
/// behind a handshake of which nothing is known but its own part, and the other side is unknown. REQUIRES
/// that `from` is in SYN-SENT.
void follow_one_side(Connection& connection, Role from);

/// From now on segments pass unseen: what is known of the numbers is stale until a side is heard again.
void lose_numbers(Connection& connection);
/// The same for one side only.
void lose_numbers(Connection& connection, Role side);

/// The connection's segments pass unseen until the next SYN, FIN or RST.
void release(Connection& connection);

/// Takes back claims that were never confirmed; true when there were any.
bool retract(Connection& connection);

/// The side in FIN_WAIT_2 while the other is in CLOSE_WAIT; empty unless exactly that.
[[nodiscard]] std::optional<Role> closer(const Connection& connection);
/// Both sides' handshake is complete and neither has closed.
[[nodiscard]] bool established(const Connection& connection);
/// The handshake is not complete.
[[nodiscard]] bool embryonic(const Connection& connection);
/// Nothing is left to happen but forgetting: each side is CLOSED or in TIME_WAIT, even if it is unknown in
/// which.
[[nodiscard]] bool finished(const Connection& connection);
/// An RST has passed that its receiver may have taken, and the receiver has said nothing since.
[[nodiscard]] bool reset_pending(const Connection& connection);
/// Its silence shows that it has: alive, it would have acknowledged the data that was on its way.
void take_reset(Connection& connection);
/// Both sides' numbers are current, so that a reset would be exact.
[[nodiscard]] bool exact(const Connection& connection);
/// The window shift in force for what `role` offers: 0 unless both offered (RFC 7323 section 2.2); 14, the
/// largest, when the handshake was not seen.
[[nodiscard]] std::uint8_t scale_in_force(const Connection& connection, Role role);

}  // namespace finwait::tcp
