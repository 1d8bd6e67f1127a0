#include "tcp/recall.hpp"

#include "tcp/hearsay.hpp"
#include "tcp/tracker.hpp"
#include "tcp/window.hpp"

#include <algorithm>

namespace finwait::tcp {

namespace {

void confirm(Side& side) {
    side.recalled = false;
    side.fresh = side.acked = true;
}

/// `side` has closed and is heard: it can send nothing more. If it has all that `peer` is confirmed to have
/// sent, nothing can have moved its own acknowledgment either.
void confirm_closed(Side& side, const Side& peer) {
    if (side.fin_acked && side.ack == peer.next) confirm(side);
}

/// The tracker takes the numbers of `sender` from what it says now. The peer's are still a claim, but no
/// bound for others.
void contradict(Side& sender, Side& peer) {
    sender.recalled = sender.fresh = sender.complete = sender.acked = false;
    if (peer.recalled) peer.fresh = peer.acked = false;
}

/// Of the two numbers that a segment carries one can no longer change: the closer's own, or the holder's
/// acknowledgment of its FIN. So whoever does not know that one cannot talk us out of the claim.
bool fits_the_fin(const Side& sender, const Side& receiver, const Segment& s) {
    if (sender.fin_acked) return s.seq == sender.fin && s.length == 0;
    return receiver.fin_acked && s.ack == receiver.fin;
}

/// As if it had been picked up midway.
void forget_opening(Connection& c) {
    c.adopted = true;
    c.pending = false;
    for (Side& side : c.side) {
        side.state = State::unknown;
        side.syn_seen = false;
    }
    lose_numbers(c);
}

}  // namespace

void recall(Connection& c) {
    if (c.released) return;
    if (embryonic(c)) return forget_opening(c);
    if (!closer(c) || c.blind) return lose_numbers(c);
    for (const Role r : {Role::client, Role::server}) {
        Side& side = c.of(r);
        side.recalled = side.ts_recalled = side.window_stale = true;
        side.complete = false;
        side.max_window = scaled_window(c, r, UINT16_MAX);
    }
}

bool recalled(const Connection& c) {
    return std::ranges::any_of(c.side, [](const Side& s) { return s.recalled; });
}

Recollection check_recalled(Connection& c, Role from, const Segment& s) {
    if (c.blind) return settle_blind(c, from, s);
    Side& sender = c.of(from);
    Side& peer = c.of(other(from));
    // An RST is graded by the numbers that there are; a SYN would begin another connection, with other ones.
    const bool ordinary = s.any(flag::ack) && !s.any(flag::syn | flag::rst);
    if (!sender.recalled || !ordinary || !fits_the_fin(sender, peer, s)) return Recollection::open;
    // The closer has got what the holder is known by now to have sent; if that is more than it had
    // acknowledged before, it is progress.
    bool behind = false;
    if (sender.fin_acked && !peer.recalled && peer.fresh && s.ack == peer.next) {
        behind = sender.acked && after(s.ack, sender.ack);
        sender.ack = s.ack;
    }
    if (after(s.seq, sender.next) || after(s.ack, sender.ack)) {
        contradict(sender, peer);
        return Recollection::contradicted;
    }
    // What is sent anew, a keepalive too, has an earlier number and does not tell where its sender stands.
    if (s.seq != sender.next || s.ack != sender.ack) return Recollection::open;
    confirm(sender);
    if (peer.recalled) confirm_closed(peer, sender);
    return behind ? Recollection::caught_up : Recollection::confirmed;
}

void excuse_silence(Connection& c, Role silent) {
    Side& side = c.of(silent);
    const Side& peer = c.of(other(silent));
    if (!side.recalled || peer.recalled || !(peer.fin_acked || c.blind)) return;
    side.next = c.blind ? peer.ack : later(side.next, peer.ack);
    if (c.blind) side.ack = peer.next;
    c.blind = false;
    confirm(side);
}

}  // namespace finwait::tcp
