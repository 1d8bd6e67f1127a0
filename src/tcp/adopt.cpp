// Flows picked up midway: a side stays `unknown` until what passed leaves one answer only. A side whose FIN
// has been seen is known; so is one that has sent new data, because it had not closed before that.

#include "tcp/rules.hpp"

#include <cassert>

namespace finwait::tcp {

namespace {

State settled(const Side& side, const Side& peer) {
    const bool got_fin = peer.fin_seen() && side.ack_known() && at_or_after(side.ack, peer.fin);
    if (!side.fin_seen()) return got_fin ? State::close_wait : State::established;
    if (!peer.fin_seen()) return side.fin_acked() ? State::fin_wait_2 : State::fin_wait_1;
    if (!got_fin) return State::fin_wait_1;
    // What has got the peer's FIN may have sent its own before or after: this may be a copy, unless it goes
    // beyond what its sender was seen to send.
    return side.open && side.fin_covers && !side.fin_acked() ? State::last_ack : State::unknown;
}

bool known(const Side& side) {
    return side.open || side.fin_seen();
}

}  // namespace

void settle_unknown(Connection& c) {
    Side& a = c.side[0];
    Side& b = c.side[1];
    if (a.state != State::unknown && b.state != State::unknown) return;
    if (!known(a) || !known(b)) return;
    const State state_a = settled(a, b);
    const State state_b = settled(b, a);
    if (a.state == State::unknown) a.state = state_a;
    if (b.state == State::unknown) b.state = state_b;
}

void follow_one_side(Connection& c, Role from) {
    assert(c.of(from).state == State::syn_sent);
    c.adopted = true;
    apply(c.of(from), Event::acked_syn);
    c.of(other(from)).state = State::unknown;
    lose_numbers(c);
}

}  // namespace finwait::tcp
