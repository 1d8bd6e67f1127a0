// The tracker's inner parts, one for each kind of segment; tracker.cpp chooses among them.
#pragma once

#include "tcp/tracker.hpp"

#include <optional>

namespace finwait::tcp {

/// Moves one side along the table of transitions.
inline void apply(Side& side, Event event) {
    side.state = next_state(side.state, event);
}

/// Takes over what a segment's header and options say of its sender, whatever its kind.
void note_header(Side& sender, const Segment& s);
/// Takes over the acknowledgment and the window that a segment offers.
void note_acknowledgment(Connection& c, Role from, const Segment& s);
/// Starts a side anew with the SYN or SYN,ACK it sends.
void begin_side(Connection& c, Role from, const Segment& s);

/// Of several SYN,ACKs with different numbers the one that an acknowledgment of `from` answers is the right
/// one: its sender starts again with it (handshake.cpp).
void choose_syn_ack(Connection& c, Role from, const Segment& s);
/// A side whose SYN passed before this connection's first segment, and that its peer's SYN,ACK has answered,
/// goes on with exactly the numbers of both: it is opening. False when it does not (handshake.cpp).
[[nodiscard]] bool join_from_before(Connection& c, Role from, const Segment& s);
/// A SYN towards `from` is pending, and `s` says once more what its sender has said: that SYN has been
/// challenged, so nothing answers it any more (handshake.cpp).
void note_challenge(Connection& c, Role from, const Segment& s);

/// SYN without ACK (handshake.cpp).
Advance on_syn(Connection& c, Role from, const Segment& s);
/// SYN,ACK (handshake.cpp).
Advance on_syn_ack(Connection& c, Role from, const Segment& s, bool crossing);
/// RST (reset.cpp).
Advance on_reset(Connection& c, Role from, const Segment& s);
/// A segment that is not an RST, from a side or towards a side that an RST has closed; `newer`: it goes
/// beyond what its sender has sent or acknowledged before (reset.cpp). False when it shows nothing and must
/// be left alone.
bool revive_after_reset(Connection& c, Role from, bool newer, bool crossing);

/// An RST had ended the opening, and what passes now says that it was lost or not meant so: the SYN's sender
/// waits for an answer again. False when its SYN was not waiting (reset.cpp).
bool take_back_opening_reset(Connection& c, Role opener);

/// What is kept of a segment, and the segment as far as that tells it (early.cpp).
[[nodiscard]] Early early_of(Role from, const Segment& s);
[[nodiscard]] Segment segment_of(const Early& early);
/// Keeps a segment that acknowledges what has not passed yet, until that passes (early.cpp).
void keep_early(Connection& c, Role from, const Segment& s);
/// A segment of `from` was accepted: the early segment of its peer is due, or another one of its own has
/// overtaken it. The segment when it is due (early.cpp).
std::optional<Segment> take_early(Connection& c, Role from);

/// An acknowledgment that may be that of the receiver's FIN: moves the receiver, and says that the sender has
/// got the FIN (closing.cpp).
void acknowledge_fin(Side& sender, Side& receiver, const Segment& s);
/// The first FIN of its sender that passes; `anchored`: a number of the connection was known before it, and
/// it fits (closing.cpp).
void send_first_fin(Side& sender, const Side& receiver, const Segment& s, bool anchored);
/// The peer's acknowledgment of the FIN has passed before the FIN itself. In a flow picked up midway that may
/// as well be a copy of an older FIN, unless its sender was seen to send data (closing.cpp).
void match_earlier_acknowledgment(Side& sender, Side& receiver, bool first_copy);
/// The same FIN again (closing.cpp).
void repeat_fin(Side& sender, const Side& receiver, const Segment& s, bool crossing);

/// `s` contradicts a FIN of which only its acknowledgment is known, and neither fits anything else: one of
/// the three is forged. Another FIN is the claim from now on; after anything else both sides must say whether
/// one of them has closed, as after a report of conntrack's (report.cpp). False when there is no such FIN.
[[nodiscard]] bool doubt_matched_fin(Connection& c, const Segment& s);
/// As if it had been picked up midway (position.cpp).
void forget_opening(Connection& c);

/// Settles the states of sides that were adopted as unknown, as soon as what they have sent leaves one answer
/// only (adopt.cpp).
void settle_unknown(Connection& c);

}  // namespace finwait::tcp
