// The tracker's inner parts, one for each kind of segment; tracker.cpp chooses among them.
#pragma once

#include "tcp/tracker.hpp"

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

/// Of two SYNs or SYN,ACKs of one side the later was answered: the side starts again with it.
void take_pending(Connection& c);

/// SYN without ACK (handshake.cpp).
Advance on_syn(Connection& c, Role from, const Segment& s);
/// SYN,ACK (handshake.cpp).
Advance on_syn_ack(Connection& c, Role from, const Segment& s, bool crossing);
/// RST (reset.cpp).
Advance on_reset(Connection& c, Role from, const Segment& s);
/// A segment that is not an RST, from a side or towards a side that an RST has closed (reset.cpp).
/// False when it shows nothing and must be left alone.
bool revive_after_reset(Connection& c, Role from, bool crossing);

/// An RST had answered a SYN, and what passes now says that it may have been lost: the SYN's sender waits for
/// an answer again. False when no SYN was waiting (reset.cpp).
bool take_back_opening_reset(Connection& c);

/// Settles the states of sides that were adopted as unknown, as soon as what they have sent leaves one answer
/// only (adopt.cpp).
void settle_unknown(Connection& c);

}  // namespace finwait::tcp
