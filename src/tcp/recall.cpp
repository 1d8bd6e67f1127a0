#include "tcp/recall.hpp"

#include "tcp/tracker.hpp"
#include "tcp/window.hpp"

#include <algorithm>

namespace finwait::tcp {

namespace {

/// `side` has closed and is heard: it can send nothing more. If it has all that `peer` is confirmed to have
/// sent, nothing can have moved its own acknowledgment either.
void confirm_closed(Side& side, const Side& peer) {
    if (side.fin_acked && side.ack == peer.next) side.recalled = false;
}

/// Of the two numbers that a segment carries one can no longer change: the closer's own, or the holder's
/// acknowledgment of its FIN. So whoever does not know that one cannot talk us out of the claim.
bool fits_the_fin(const Side& sender, const Side& receiver, const Segment& s) {
    if (sender.fin_acked) return s.seq == sender.fin && s.length == 0;
    return receiver.fin_acked && s.ack == receiver.fin;
}

}  // namespace

void recall(Connection& c) {
    if (c.released) return;
    if (!closer(c) || !std::ranges::all_of(c.side, [](const Side& s) { return s.fresh && s.acked; }))
        return lose_numbers(c);
    for (const Role r : {Role::client, Role::server}) {
        Side& side = c.of(r);
        side.recalled = true;
        side.complete = false;
        side.max_window = scaled_window(c, r, UINT16_MAX);
    }
}

bool recalled(const Connection& c) {
    return std::ranges::any_of(c.side, [](const Side& s) { return s.recalled; });
}

Recollection check_recalled(Connection& c, Role from, const Segment& s) {
    Side& sender = c.of(from);
    // An RST is graded by the numbers that there are; a SYN would begin another connection, with other ones.
    if (!s.any(flag::ack) || s.any(flag::syn | flag::rst)) return Recollection::open;
    if (!fits_the_fin(sender, c.of(other(from)), s)) return Recollection::open;
    if (after(s.seq, sender.next) || after(s.ack, sender.ack)) {
        lose_numbers(c);
        return Recollection::contradicted;
    }
    // What is sent anew, a keepalive too, has an earlier number and does not tell where its sender stands.
    if (s.seq != sender.next || s.ack != sender.ack) return Recollection::open;
    sender.recalled = false;
    confirm_closed(c.of(other(from)), sender);
    return Recollection::confirmed;
}

void excuse_silence(Connection& c, Role silent) {
    const Side& peer = c.of(other(silent));
    if (peer.fin_acked && !peer.recalled) c.of(silent).recalled = false;
}

}  // namespace finwait::tcp
