// SYN and SYN,ACK: opening, in every order (RFC 9293 sections 3.5 and 3.10.7), repeated, stale, and against a
// connection that exists already (RFC 5961 section 4). Data in SYN after RFC 7413.

#include "tcp/rules.hpp"
#include "tcp/window.hpp"

namespace finwait::tcp {

namespace {

bool is_pending(const Connection& c, Role from) {
    return c.pending && c.pending->role == from;
}

void remember_pending(Connection& c, Role from, const Segment& s) {
    const bool second = is_pending(c, from) && c.pending->acks && s.any(flag::ack);
    const bool more = second && (c.pending->more || c.pending->isn != s.seq);
    c.pending = PendingSyn{.isn = s.seq,
                           .scale = s.scale,
                           .role = from,
                           .scale_offered = s.offers(option::window_scale),
                           .acks = s.any(flag::ack),
                           .more = more,
                           .has_signature = s.offers(option::md5 | option::ao),
                           .multipath = s.offers(option::mptcp)};
}

/// A peer in TIME_WAIT takes a SYN for a new connection only above what it has received (RFC 9293
/// section 3.6.1, MSL note; RFC 6191): an older one is a stray duplicate.
bool may_reopen(const Connection& c, Role from, const Segment& s) {
    const Side& sender = c.of(from);
    const Side& receiver = c.of(other(from));
    if (!finished(c)) return false;
    if (sender.syn_seen && s.seq == sender.iss) return false;  // the old SYN again: a stray
    if (receiver.state != State::time_wait || !receiver.ack_known()) return true;
    const bool newer_stamp =
        sender.timestamps && s.offers(option::timestamps) && after(Seq(s.ts_value), Seq(sender.ts_value));
    return newer_stamp || after(s.seq, receiver.ack);
}

/// Whether an acknowledgment in a SYN,ACK answers the SYN that began at `iss` and ended at `end`: its data,
/// if any, may be acknowledged or not (RFC 7413 section 4.2.1).
bool answers(Seq iss, Seq end, Seq ack) {
    return after(ack, iss) && at_or_before(ack, end);
}

Segment segment_of(const PendingSyn& pending) {
    Segment syn;
    syn.flags = flag::syn;
    syn.seq = pending.isn;
    syn.scale = pending.scale;
    const auto option_if = [](bool offered, std::uint8_t bit) { return offered ? bit : std::uint8_t{0}; };
    syn.options = static_cast<std::uint8_t>(option_if(pending.scale_offered, option::window_scale) |
                                            option_if(pending.has_signature, option::md5) |
                                            option_if(pending.multipath, option::mptcp));
    return syn;
}

/// A SYN after an unanswered SYN. The same number: repeated, perhaps with other options or without its data
/// (RFC 7413 section 4.1.3). Another number: the sender has started again, or somebody guesses; the SYN,ACK
/// will tell which.
Advance on_another_syn(Connection& c, Role from, const Segment& s) {
    Side& sender = c.of(from);
    if (s.seq == sender.iss) {
        const Seq end = later(sender.next, s.end());
        begin_side(c, from, s);
        sender.next = end;
    } else {
        remember_pending(c, from, s);
    }
    return {Outcome::accepted};
}

void begin_with_pending(Connection& c) {
    const Role role = c.pending->role;
    begin_side(c, role, segment_of(*c.pending));
    apply(c.of(role), Event::sent_syn);
}

/// Of two SYNs or SYN,ACKs of one side the later was answered: the side starts again with it.
void take_pending(Connection& c) {
    const PendingSyn pending = *c.pending;
    Side& side = c.of(pending.role);
    const Side earlier = side;
    begin_side(c, pending.role, segment_of(pending));
    c.pending.reset();
    if (!pending.acks) {
        side.state = State::syn_sent;
        return;
    }
    // Two SYN,ACKs acknowledge the same SYN. What the windows meant depends on the scale of the right one.
    side.max_window = scaled_window(c, pending.role, UINT16_MAX);
    side.ack_basis = earlier.ack_basis;
    side.ack = earlier.ack;
    side.edge = earlier.ack + side.max_window;
}

}  // namespace

/// Besides the first one only the last one is remembered; the others are taken to have its options.
void choose_syn_ack(Connection& c, Role from, const Segment& s) {
    const Side& sender = c.of(from);
    const Side& receiver = c.of(other(from));
    if (!is_pending(c, other(from)) || receiver.state != State::syn_received) return;
    if (!sequence_in_window(c, from, s)) return;
    const bool answers_last = s.ack == c.pending->isn + 1;
    const bool answers_first = answers(receiver.iss, receiver.next, s.ack);
    const bool first_word = sender.state == State::syn_sent && s.seq == sender.next;
    if (!answers_last && (answers_first || !c.pending->more || !first_word)) return;
    if (!answers_last) c.pending->isn = s.ack - 1;
    take_pending(c);
}

bool join_from_before(Connection& c, Role from, const Segment& s) {
    Side& sender = c.of(from);
    const Side& receiver = c.of(other(from));
    const bool answered = receiver.state == State::syn_received && receiver.ack_known();
    if (sender.syn_seen || !answered || s.seq != receiver.ack || s.ack != receiver.iss + 1) return false;
    c.adopted = true;  // nothing is known of what its SYN has offered
    apply(sender, Event::sent_syn);
    return true;
}

/// RFC 5961 section 4. Were the SYN's sender a new connection, it would answer the challenge by an RST.
void note_challenge(Connection& c, Role from, const Segment& s) {
    const Side& sender = c.of(from);
    const bool synchronized = sender.state != State::closed && sender.state != State::unknown &&
                              sender.state != State::syn_sent && sender.state != State::syn_received;
    if (!is_pending(c, other(from)) || c.pending->acks || !synchronized) return;
    if (s.space() == 0 && s.seq == sender.next && sender.ack_known() && s.ack == sender.ack)
        c.pending.reset();
}

void begin_side(Connection& c, Role from, const Segment& s) {
    Side& sender = c.of(from);
    const State state = sender.state;
    if (is_pending(c, from) && c.pending->isn == s.seq) c.pending.reset();
    sender = Side{};
    sender.state = state;
    sender.iss = s.seq;
    sender.next = s.end();
    sender.next_basis = Basis::proven;
    sender.syn_seen = true;
    sender.scale_offered = s.offers(option::window_scale);
    sender.scale = s.scale;
    sender.sack = s.offers(option::sack_permitted);
    sender.fast_open = s.length > 0;
    sender.max_window = s.window;
    note_header(sender, s);
    sender.timestamps = s.offers(option::timestamps);
    if (s.any(flag::ack)) note_acknowledgment(c, from, s);
}

Advance on_syn(Connection& c, Role from, const Segment& s) {
    Side& sender = c.of(from);
    const Side& receiver = c.of(other(from));
    if (may_reopen(c, from, s)) return {Outcome::reopened};
    if (c.rst && sender.syn_seen && s.seq == sender.iss) {
        // A stray; or the RST that refused it was lost, or its own answered something else: it is repeated.
        const bool goes_on = c.rst->by == from ? c.rst->claimed() : !receiver.syn_seen;
        const bool opening = goes_on && take_back_opening_reset(c, from);
        return opening ? Advance{Outcome::accepted} : Advance{Outcome::invalid};
    }

    const bool answered = receiver.ack_known() && receiver.syn_seen;
    if (sender.state == State::syn_sent && !answered) return on_another_syn(c, from, s);
    if (sender.state == State::closed && !sender.syn_seen && !c.rst) {
        begin_side(c, from, s);
        apply(sender, Event::sent_syn);
        return {Outcome::accepted, true};
    }
    if (sender.state == State::unknown && !sender.syn_seen && answered && receiver.ack == s.seq + 1) {
        // The SYN,ACK overtook its SYN: now the whole handshake has been seen.
        begin_side(c, from, s);
        apply(sender, Event::sent_syn);
        c.adopted = false;
        return {Outcome::accepted, true};
    }
    if (sender.syn_seen && s.seq == sender.iss) return {Outcome::invalid};
    remember_pending(c, from, s);
    return {Outcome::invalid};
}

Advance on_syn_ack(Connection& c, Role from, const Segment& s, bool crossing) {
    Side& sender = c.of(from);
    Side& receiver = c.of(other(from));
    const bool repeated = sender.syn_seen && s.seq == sender.iss;
    const bool answers_pending = is_pending(c, other(from)) && s.ack == c.pending->isn + 1;
    if (repeated && sender.state == State::syn_sent && !receiver.syn_seen) {
        // It answers a SYN from before its own: its number proves that it is the sender's.
        if (answers_pending) begin_with_pending(c);
        apply(sender, Event::sent_syn_ack);
        note_acknowledgment(c, from, s);
        return {Outcome::accepted};
    }
    if (answers_pending) {
        const bool unanswered = sender.state == State::closed && receiver.state == State::syn_sent;
        if (!unanswered) return {Outcome::reopened};
        take_pending(c);
    }
    if (!receiver.syn_seen || !answers(receiver.iss, receiver.next, s.ack)) return {Outcome::invalid};
    // After an RST a SYN,ACK with another number: its sender has begun again, and answers the SYN.
    const bool overtaken = sender.next_known() && s.end() == sender.next;
    const bool takes_back = c.rst && (c.rst->by == from ? !repeated && !overtaken : c.rst->claimed());
    if (takes_back) take_back_opening_reset(c, other(from));

    if (repeated && sender.state == State::established) {
        if (after(sender.next, s.end()) || sender.open) return {Outcome::invalid};
        note_acknowledgment(c, from, s);
        if (!crossing) apply(sender, Event::syn_ack_repeated);
        return {Outcome::accepted};
    }
    const State state = sender.state;
    const bool not_begun = state == State::closed && (!sender.syn_seen || receiver.state == State::syn_sent);
    const bool opening =
        not_begun || state == State::syn_sent || state == State::unknown || state == State::syn_received;
    // It repeats its SYN,ACK after an RST: that may not have arrived.
    if (c.rst) return {repeated ? Outcome::accepted : Outcome::invalid};
    if (!opening) return {Outcome::invalid};
    if (state == State::syn_received) {
        // Another number: it has started again, or this is an old one. The third ACK will tell which.
        if (repeated)
            note_acknowledgment(c, from, s);
        else
            remember_pending(c, from, s);
        return {Outcome::accepted};
    }

    const bool simultaneous = repeated && state == State::syn_sent;
    begin_side(c, from, s);
    apply(sender, Event::sent_syn_ack);
    if (receiver.state == State::syn_received) apply(receiver, Event::syn_acked);
    if (simultaneous && receiver.ack_known() && receiver.ack == sender.iss + 1)
        apply(sender, Event::syn_acked);
    return {Outcome::accepted, true};
}

std::optional<Opened> open(const Segment& first) {
    if (first.any(flag::rst)) return std::nullopt;
    Opened opened;
    Connection& c = opened.connection;
    if (first.has(flag::syn | flag::ack)) {
        opened.sender = Role::server;
        c.adopted = true;
        c.of(Role::client).state = State::unknown;
        begin_side(c, Role::server, first);
        apply(c.of(Role::server), Event::sent_syn_ack);
        return opened;
    }
    if (first.any(flag::syn)) {
        begin_side(c, Role::client, first);
        apply(c.of(Role::client), Event::sent_syn);
        return opened;
    }
    if (!first.any(flag::ack)) return std::nullopt;
    c.adopted = true;
    for (Side& side : c.side)
        side.state = State::unknown;
    lose_numbers(c);
    advance(c, Role::client, first);
    return opened;
}

Opened reopen(const Connection& old, Role sender, const Segment& segment) {
    Opened opened;
    if (!segment.any(flag::ack)) {
        opened = *open(segment);
        if (!is_pending(old, other(sender))) return opened;
        // The SYNs may have crossed: the next SYN,ACK will tell.
        Connection& c = opened.connection;
        remember_pending(c, Role::server, segment_of(*old.pending));
        return opened;
    }
    opened.sender = Role::server;
    Connection& c = opened.connection;
    begin_side(c, Role::client, segment_of(*old.pending));
    apply(c.of(Role::client), Event::sent_syn);
    begin_side(c, Role::server, segment);
    apply(c.of(Role::server), Event::sent_syn_ack);
    return opened;
}

}  // namespace finwait::tcp
