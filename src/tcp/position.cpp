#include "tcp/position.hpp"

#include "tcp/report.hpp"
#include "tcp/rules.hpp"
#include "tcp/tracker.hpp"
#include "tcp/window.hpp"

#include <algorithm>

namespace finwait::tcp {

namespace {

void move(Side& side, NumberEvent event) {
    apply(side.next_basis, event);
    apply(side.ack_basis, event);
}

/// `side` has closed and is heard: it can send nothing more. If it has all that `peer` is confirmed to have
/// sent, nothing can have moved its own acknowledgment either.
void confirm_closed(Side& side, const Side& peer) {
    if (side.fin_acked() && side.ack == peer.next) move(side, NumberEvent::confirmed);
}

/// The tracker takes the numbers of `sender` from what it says now. The peer's are in doubt still, but no
/// bound for others.
void go_on_unseen(Side& sender, Side& peer) {
    move(sender, NumberEvent::advanced);
    move(peer, NumberEvent::peer_advanced);
}

/// Of the two numbers that a segment carries one can no longer change: the closer's own, or the holder's
/// acknowledgment of its FIN. So whoever does not know that one cannot talk us out of the numbers.
bool fits_the_fin(const Side& sender, const Side& receiver, const Segment& s) {
    if (sender.fin_acked()) return s.seq == sender.fin && s.length == 0;
    return receiver.fin_acked() && s.ack == receiver.fin;
}

}  // namespace

void forget_opening(Connection& c) {
    c.adopted = true;
    c.pending.reset();
    for (Side& side : c.side) {
        side.state = State::unknown;
        side.syn_seen = false;
    }
    lose_numbers(c);
}

void note_gap(Connection& c) {
    if (c.released) return;
    if (embryonic(c)) return forget_opening(c);
    if (!closer(c) || report_open(c)) return lose_numbers(c);
    for (const Role r : {Role::client, Role::server}) {
        Side& side = c.of(r);
        move(side, NumberEvent::gap_half_closed);
        if (side.ts_basis == Basis::heard) side.ts_basis = Basis::stale;
        side.window_stale = true;
        side.max_window = scaled_window(c, r, UINT16_MAX);
    }
}

bool in_doubt(const Connection& c) {
    return std::ranges::any_of(c.side, [](const Side& s) { return s.is_doubtful(); });
}

Finding check_position(Connection& c, Role from, const Segment& s) {
    if (report_open(c)) return check_report(c, from, s);
    Side& sender = c.of(from);
    Side& peer = c.of(other(from));
    // An RST is graded by the numbers that there are; a SYN would begin another connection, with other ones.
    const bool ordinary = s.any(flag::ack) && !s.any(flag::syn | flag::rst);
    if (!sender.is_doubtful() || !ordinary || !fits_the_fin(sender, peer, s)) return Finding::nothing;
    // The closer has got what the holder is known by now to have sent; if that is more than it had
    // acknowledged before, it is progress.
    bool behind = false;
    if (sender.fin_acked() && !peer.is_doubtful() && peer.next_known() && s.ack == peer.next) {
        behind = sender.ack_known() && after(s.ack, sender.ack);
        sender.ack = s.ack;
    }
    if (after(s.seq, sender.next) || after(s.ack, sender.ack)) {
        go_on_unseen(sender, peer);
        return Finding::advanced;
    }
    // What is sent anew, a keepalive too, has an earlier number and does not tell where its sender stands.
    if (s.seq != sender.next || s.ack != sender.ack) return Finding::nothing;
    move(sender, NumberEvent::confirmed);
    if (peer.is_doubtful()) confirm_closed(peer, sender);
    return behind ? Finding::caught_up : Finding::confirmed;
}

void excuse_silence(Connection& c, Role silent) {
    Side& side = c.of(silent);
    const Side& peer = c.of(other(silent));
    const bool reported = report_open(c);
    if (!side.is_doubtful() || peer.is_doubtful() || !(peer.fin_acked() || reported)) return;
    side.next = reported ? peer.ack : later(side.next, peer.ack);
    if (reported) side.ack = peer.next;
    move(side, NumberEvent::confirmed);
}

}  // namespace finwait::tcp
