// RST: which ones close (RFC 9293 section 3.10.7, RFC 5961 section 3), and what takes a wrong belief back.

#include "tcp/rules.hpp"

namespace finwait::tcp {

namespace {

using Standing = SeenRst::Standing;

enum class Grade : std::uint8_t {
    refused,
    challenged,
    sender_only,  // its sender is gone; whether the receiver takes it is open
    likely,
    certain,
    claimed,  // nothing known speaks against it, or only some stacks take it: what follows may take it back
};

Standing standing_of(Grade g) {
    if (g == Grade::claimed) return Standing::claimed;
    return g == Grade::certain ? Standing::certain : Standing::likely;
}

bool is_closing_receiver(State s) {
    return s == State::close_wait || s == State::last_ack || s == State::closing;
}

/// Where the receiver stood when it last spoke. With data on its way since then the receiver takes it only if
/// that was lost; if it was not, the number is old, and another RST will follow.
Grade grade_at_ack(const Side& sender, const Side& receiver) {
    if (!sender.next_known()) return receiver.state == State::syn_received ? Grade::certain : Grade::likely;
    if (sender.next == receiver.ack) return Grade::certain;
    // Only the FIN is on its way. If it has arrived, the RST stands one below what the receiver expects.
    if (sender.fin_seen() && receiver.ack == sender.fin - 1) return Grade::claimed;
    // Before it is synchronized a side answers a bad ACK by RST and lives on (RFC 9293 section 3.10.7.4).
    const bool opening = sender.state == State::syn_sent || sender.state == State::syn_received;
    return opening ? Grade::challenged : Grade::sender_only;
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
    if (!receiver.ack_known()) {
        if (!sender.next_known()) return Grade::claimed;
        // Before the handshake's end also right behind a SYN with data, or at the SYN's own number: so do
        // some stacks that give up, and so does any that answers a wrong acknowledgment and goes on opening
        // (RFC 9293 section 3.10.7.3).
        const bool behind_syn =
            sender.next_proven() && sender.syn_seen && (s.seq == sender.iss + 1 || s.seq == sender.iss);
        if (s.seq != sender.next && !behind_syn) return Grade::refused;
        return sender.state == State::syn_sent ? Grade::claimed : Grade::likely;
    }
    if (s.seq == receiver.ack) return grade_at_ack(sender, receiver);
    // Everything the sender has sent may have arrived without being acknowledged yet.
    const bool beyond = after(s.seq, receiver.edge);
    if (sender.next_known() && s.seq == sender.next && !beyond) return Grade::likely;
    // The number of the FIN itself: RFC 9293 section 3.10.7.4 and RFC 5961 section 3.2 drop it, Linux takes
    // it (tcp_reset_check()).
    if (is_closing_receiver(receiver.state) && sender.fin_seen() && s.seq == sender.fin - 1)
        return Grade::claimed;
    return after(s.seq, receiver.ack) && !beyond ? Grade::challenged : Grade::refused;
}

void close_side(Side& side) {
    if (side.state != State::closed) side.before_reset = side.state;
    apply(side, Event::reset);
}

/// As it was before the RST, but for an acknowledgment of its FIN that has passed since.
void restore(Connection& c, Role role) {
    Side& side = c.of(role);
    if (side.state != State::closed) return;
    side.state = side.before_reset;
    if (side.fin_acked())
        apply(side, c.of(other(role)).fin_seen() ? Event::fin_acked_both : Event::fin_acked);
}

/// An RST after the first one. Its sender answers what still comes: that closes a side that had been taken to
/// live on.
void on_further_reset(Connection& c, Role from, const Segment& s) {
    const Side& receiver = c.of(other(from));
    const Grade g = grade(c, from, s);
    const bool exact = c.rst->answered && receiver.ack_known() && s.seq == receiver.ack;
    if (!exact && g < Grade::sender_only) return;
    const bool both_have_said = from != c.rst->by && !c.rst->claimed() && g != Grade::claimed;
    close_side(c.of(from));
    if (exact || g >= Grade::likely) close_side(c.of(other(from)));
    if (s.unverified) return;
    SeenRst& rst = *c.rst;
    if (rst.claimed() && (exact || g == Grade::likely || g == Grade::certain))
        rst.standing = Standing::likely;
    if (both_have_said) rst.standing = Standing::certain;
}

}  // namespace

Advance on_reset(Connection& c, Role from, const Segment& s) {
    if (c.rst) {
        on_further_reset(c, from, s);
        return {Outcome::accepted};
    }
    const Grade g = grade(c, from, s);
    if (g == Grade::refused) return {Outcome::invalid};
    if (g == Grade::challenged) return {Outcome::challenge};
    c.rst = SeenRst{.by = from, .standing = s.unverified ? Standing::claimed : standing_of(g)};
    close_side(c.of(from));
    if (!c.of(from).syn_seen && !c.of(from).next_known()) {
        c.of(from).next = s.seq;  // where its sender stood: an earlier number is overtaken
        apply(c.of(from).next_basis, NumberEvent::followed);
    }
    if (g != Grade::sender_only) close_side(c.of(other(from)));
    return {Outcome::accepted, true};
}

bool revive_after_reset(Connection& c, Role from, bool newer, bool crossing) {
    if (from == c.rst->by) {
        // The sender of a real RST is gone: this one was forged, another host's, or not taken. Where all
        // numbers are known, a copy of what it sent before the RST shows nothing.
        const bool numbers_known = c.of(from).next_proven();
        if (!c.rst->claimed() || (numbers_known && !newer)) return false;
        // What the receiver has said since the RST holds without it, too.
        const bool answered = c.rst->answered;
        c.rst.reset();
        for (const Role role : {Role::client, Role::server})
            restore(c, role);
        if (!numbers_known && answered) lose_numbers(c, from);
        if (!numbers_known && !answered) lose_numbers(c);
        return true;
    }
    // In flight towards the sender of the RST, or a challenge ACK: only a receiver that may have refused can
    // live.
    if (c.rst->standing == Standing::certain || (crossing && !c.rst->claimed())) return false;
    c.rst->answered = true;
    // Of a side of which nothing was known, anything would be plausible.
    if (c.of(from).before_reset == State::unknown) return false;
    restore(c, from);
    return true;
}

bool take_back_opening_reset(Connection& c, Role opener_role) {
    const Side& opener = c.of(opener_role);
    if (opener.state != State::closed || opener.before_reset != State::syn_sent) return false;
    restore(c, opener_role);
    c.rst.reset();
    return true;
}

bool reset_pending(const Connection& c) {
    return c.rst && !c.rst->answered && !finished(c);
}

void take_reset(Connection& c) {
    for (Side& side : c.side)
        close_side(side);
}

}  // namespace finwait::tcp
