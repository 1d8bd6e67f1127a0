#include "tcp/report.hpp"

#include "tcp/rules.hpp"
#include "tcp/tracker.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace finwait::tcp {

namespace {

std::optional<Role> reported_closer(const Connection& c) {
    for (const Role r : {Role::client, Role::server})
        if (c.of(r).fin_stage == Fin::reported) return r;
    return std::nullopt;
}

/// What it says may be new to its peer: what has passed before is not known.
void hear(Side& side) {
    apply(side.next_basis, NumberEvent::confirmed);
    apply(side.ack_basis, NumberEvent::confirmed);
    side.window_stale = true;
}

/// Both have been heard, and agree on where the FIN stands.
Finding settled_if_both_heard(Connection& c, Side& closer, Side& holder) {
    if (closer.is_doubtful() || holder.is_doubtful()) return Finding::nothing;
    if (const auto denied = std::exchange(c.denied_fin, std::nullopt)) {
        if (closer.fin != *denied) {
            retract_report(c);
            closer.open = true;  // they stand elsewhere, so that FIN was forged
            settle_unknown(c);
            return Finding::contradicted;
        }
        closer.fin_stage = Fin::acked;
    }
    apply(closer.next_basis, NumberEvent::bounded);
    holder.next = later(holder.next, closer.ack);
    return Finding::confirmed;
}

/// A keepalive stands one below; the holder's acknowledgment tells which it was.
Finding closer_speaks(Connection& c, Role from, const Segment& s) {
    Side& closer = c.of(from);
    Side& holder = c.of(other(from));
    const bool more = s.length > 0 || s.any(flag::fin);
    const bool known = !holder.is_doubtful();
    if (more || (known && s.seq != closer.fin && s.seq + 1 != closer.fin)) {
        retract_report(c);
        return Finding::contradicted;
    }
    if (!known) closer.next = closer.fin = s.seq;
    note_header(closer, s);
    note_acknowledgment(c, from, s);
    hear(closer);
    return settled_if_both_heard(c, closer, holder);
}

Finding holder_speaks(Connection& c, Role from, const Segment& s) {
    Side& holder = c.of(from);
    Side& closer = c.of(other(from));
    const bool known = !closer.is_doubtful() || !holder.is_doubtful();
    if (known && s.ack != closer.fin && s.ack != closer.fin + 1) {
        retract_report(c);
        return Finding::contradicted;
    }
    closer.next = closer.fin = s.ack;
    apply(closer.next_basis, NumberEvent::told);
    if (holder.is_doubtful()) holder.next = s.seq;
    note_header(holder, s);
    note_acknowledgment(c, from, s);
    hear(holder);
    return settled_if_both_heard(c, closer, holder);
}

/// What was seen of it, apart from numbers.
void keep_traits(Side& side, const Side& seen) {
    side.iss = seen.iss;
    side.syn_seen = seen.syn_seen;
    side.scale_offered = seen.scale_offered;
    side.scale = seen.scale;
    side.sack = seen.sack;
    side.unsigned_dropped = seen.unsigned_dropped;
    side.multipath = seen.multipath;
    side.counts_ids = seen.counts_ids;
}

Connection half_closed_like(const Connection& seen, Role closer, const std::array<Seq, 2>& guesses) {
    Connection claim = half_closed_by_report(closer, guesses);
    for (std::size_t i = 0; i < claim.side.size(); ++i)
        keep_traits(claim.side[i], seen.side[i]);
    claim.plain = seen.plain;
    lose_numbers(claim);  // windows are scaled as they were seen to be
    return claim;
}

}  // namespace

Connection open_by_report(bool released) {
    Connection c;
    c.adopted = true;
    for (Side& side : c.side)
        side.state = State::established;
    lose_numbers(c);
    c.released = released;
    return c;
}

Connection half_closed_by_report(Role closer, const std::array<Seq, 2>& guesses) {
    Connection c = open_by_report(false);
    for (const Role r : {Role::client, Role::server}) {
        c.of(r).next = guesses[index(r)];
        c.of(r).ack = guesses[index(other(r))];
        apply(c.of(r).next_basis, NumberEvent::reported);
        apply(c.of(r).ack_basis, NumberEvent::reported);
    }
    Side& closed = c.of(closer);
    closed.state = State::fin_wait_2;
    closed.before_fin = State::unknown;
    closed.fin = closed.next;
    closed.fin_stage = Fin::reported;
    Side& holder = c.of(other(closer));
    holder.state = State::close_wait;
    holder.acked_fin = holder.acked_first = true;
    holder.fin_ack_seq = holder.next;
    return c;
}

void take_report(Connection& c, std::optional<Role> closer, const std::array<Seq, 2>& guesses) {
    const bool seen_to_close = c.side[0].fin_seen() || c.side[1].fin_seen() || c.rst;
    const bool all_unknown =
        std::ranges::all_of(c.side, [](const Side& s) { return s.state == State::unknown; });
    if (closer && all_unknown && !seen_to_close && !c.of(*closer).open) {
        c = half_closed_like(c, *closer, guesses);
        return;
    }
    for (const Role r : {Role::client, Role::server})
        if (r != closer) c.of(r).open = true;
    settle_unknown(c);
}

void open_unseen(Connection& c) {
    Connection open = open_by_report(false);
    for (std::size_t i = 0; i < open.side.size(); ++i)
        keep_traits(open.side[i], c.side[i]);
    open.plain = c.plain;
    c = open;
    lose_numbers(c);
}

void half_close_unseen(Connection& c, Role closer, const std::array<Seq, 2>& guesses) {
    c = half_closed_like(c, closer, guesses);
}

Finding check_report(Connection& c, Role from, const Segment& s) {
    const auto closer = reported_closer(c);
    if (!closer || !s.any(flag::ack) || s.any(flag::syn | flag::rst)) return Finding::nothing;
    return from == *closer ? closer_speaks(c, from, s) : holder_speaks(c, from, s);
}

bool doubt_matched_fin(Connection& c, const Segment& s) {
    const auto matched = [](const Side& side) { return side.fin_stage == Fin::matched; };
    if (std::ranges::none_of(c.side, matched)) return false;
    const bool both_sent = c.side[0].fin_seen() && c.side[1].fin_seen();
    if (!s.any(flag::fin)) {
        if (both_sent) return false;  // it may be old
        const Role closer = matched(c.side[0]) ? Role::client : Role::server;
        const Seq fin = c.of(closer).fin;
        c = half_closed_like(c, closer, {c.side[0].next, c.side[1].next});
        c.denied_fin = fin;
        return true;
    }
    for (Side& side : c.side) {
        const State before = side.fin_seen() ? side.before_fin : side.state;
        side.state = before == State::unknown ? State::unknown : State::established;
        side.open = side.open || side.state == State::established;
        side.fin_stage = Fin::none;
        side.acked_fin = side.acked_first = side.fin_repeated = false;
        side.counts_ids = false;  // the claim may have come from somebody else
    }
    lose_numbers(c);
    settle_unknown(c);
    return true;
}

bool report_open(const Connection& c) {
    const bool guesses = std::ranges::any_of(c.side, [](const Side& s) {
        return s.next_basis == Basis::guessed || s.ack_basis == Basis::guessed;
    });
    return guesses && reported_closer(c);
}

bool fin_reported(const Connection& c) {
    return reported_closer(c).has_value();
}

void withdraw_report(Connection& c) {
    assert(fin_reported(c));
    c.denied_fin.reset();
    const Role role = *reported_closer(c);
    Side& closer = c.of(role);
    Side& holder = c.of(other(role));
    closer.fin_stage = Fin::none;
    apply(closer.next_basis, NumberEvent::unbounded);
    holder.acked_fin = holder.acked_first = false;
    closer.state = holder.state = State::unknown;
    settle_unknown(c);
}

void repeat_report(Connection& c, Role role) {
    assert(exact(c) && !c.side[0].fin_seen() && !c.side[1].fin_seen());
    Side& closer = c.of(role);
    Side& holder = c.of(other(role));
    closer.state = State::fin_wait_2;
    closer.before_fin = State::unknown;
    closer.fin = closer.next;
    closer.fin_stage = Fin::reported;
    apply(closer.next_basis, NumberEvent::bounded);
    holder.state = State::close_wait;
    holder.acked_fin = holder.acked_first = true;
    holder.fin_ack_seq = holder.next;
}

bool retract_report(Connection& c) {
    const auto role = reported_closer(c);
    if (!role) return false;
    Side& closer = c.of(*role);
    Side& holder = c.of(other(*role));
    closer.fin_stage = Fin::none;
    c.denied_fin.reset();
    lose_numbers(c);
    holder.acked_fin = holder.acked_first = false;
    holder.open = true;
    for (Side& side : c.side)
        (side.state == State::closed ? side.before_reset : side.state) = State::unknown;
    settle_unknown(c);
    return true;
}

void swap_roles(Connection& c) {
    std::swap(c.side[0], c.side[1]);
    if (c.early) c.early->role = other(c.early->role);
    if (c.unsigned_word) c.unsigned_word->role = other(c.unsigned_word->role);
    if (c.pending) c.pending->role = other(c.pending->role);
    if (c.rst) c.rst->by = other(c.rst->by);
}

}  // namespace finwait::tcp
