// RST: which ones close (RFC 9293 section 3.10.7, RFC 5961 section 3), and what takes a wrong belief back.

#include "tcp/rules.hpp"

namespace finwait::tcp {

namespace {

enum class Grade : std::uint8_t { refused, challenged, likely, certain, unchecked };

bool is_closing_receiver(State s) {
    return s == State::close_wait || s == State::last_ack || s == State::closing;
}

Grade grade(const Connection& c, Role from, const Segment& s) {
    const Side& sender = c.of(from);
    const Side& receiver = c.of(other(from));
    if (receiver.state == State::syn_sent && sender.syn_seen) {
        // The SYNs crossed: a receiver that has got ours is in SYN-RECEIVED and wants the exact number.
        return s.seq == sender.next ? Grade::certain : Grade::challenged;
    }
    if (receiver.state == State::syn_sent) {
        const bool acks_syn =
            s.any(flag::ack) && after(s.ack, receiver.iss) && at_or_before(s.ack, receiver.next);
        return acks_syn ? Grade::certain : Grade::refused;
    }
    if (!receiver.acked) {
        if (!sender.fresh) return Grade::unchecked;
        // Before the handshake's end also right behind a SYN with data, or (some stacks) at the SYN's own
        // number.
        const bool behind_syn =
            sender.complete && sender.syn_seen && (s.seq == sender.iss + 1 || s.seq == sender.iss);
        return s.seq == sender.next || behind_syn ? Grade::likely : Grade::refused;
    }
    if (s.seq == receiver.ack)
        return sender.fresh && sender.next == receiver.ack ? Grade::certain : Grade::likely;
    // Everything the sender has sent may have arrived without being acknowledged yet.
    if (sender.fresh && s.seq == sender.next) return Grade::likely;
    // Linux's tcp_reset_check(): after a FIN the number of the FIN itself is taken too.
    if (is_closing_receiver(receiver.state) && sender.fin_seen && s.seq == sender.fin - 1)
        return Grade::certain;
    const bool in_window = after(s.seq, receiver.ack) && at_or_before(s.seq, receiver.edge);
    return in_window ? Grade::challenged : Grade::refused;
}

void close_side(Side& side) {
    side.before_reset = side.state;
    apply(side, Event::reset);
}

void restore(Side& side) {
    if (side.state == State::closed) side.state = side.before_reset;
}

}  // namespace

Advance on_reset(Connection& c, Role from, const Segment& s) {
    if (c.reset_seen) {
        // The sender answers by RST what still comes: that closes a side that had been taken to live on.
        if (c.of(other(from)).state != State::closed && grade(c, from, s) >= Grade::likely)
            apply(c.of(other(from)), Event::reset);
        return {Outcome::accepted};
    }
    const Grade g = grade(c, from, s);
    if (g == Grade::refused) return {Outcome::invalid};
    if (g == Grade::challenged) return {Outcome::challenge};
    c.reset_seen = true;
    c.reset_by = from;
    c.reset_claimed = g == Grade::unchecked;
    c.reset_certain = g == Grade::certain;
    for (Side& side : c.side)
        close_side(side);
    return {Outcome::accepted, true};
}

bool revive_after_reset(Connection& c, Role from, bool crossing) {
    if (from == c.reset_by) {
        // Whoever sent a real RST is gone: this one was forged, or another host's.
        if (!c.reset_claimed) return false;
        c.reset_seen = false;
        for (Side& side : c.side)
            restore(side);
        lose_numbers(c);
        return true;
    }
    // In flight towards the sender of the RST, or a challenge ACK: only a receiver that may have refused can
    // live.
    if (c.reset_certain || crossing) return false;
    restore(c.of(from));
    return true;
}

}  // namespace finwait::tcp
