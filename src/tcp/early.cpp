// Segments that come before what they acknowledge: captured by two cards, or queued by two processors. An
// acknowledgment of what has not passed proves nothing; it is kept until that passes, and read again then.

#include "tcp/rules.hpp"
#include "tcp/window.hpp"

namespace finwait::tcp {

namespace {

/// Only its sender knows where it stands exactly, and how much it has allowed its peer to send.
bool is_ahead(const Connection& c, Role from, const Segment& s) {
    const Side& sender = c.of(from);
    const Side& receiver = c.of(other(from));
    if (!sender.next_known() || s.seq != sender.next) return false;
    if (!receiver.syn_seen) return sender.state == State::syn_sent;
    const bool all_seen = receiver.next_known() && receiver.next_proven();
    return all_seen && after(s.ack, receiver.next) && sender.ack_known() &&
           at_or_before(s.ack, sender.edge + 1) && sequence_in_window(c, from, s);
}

}  // namespace

Early early_of(Role from, const Segment& s) {
    return {s.seq, s.ack, s.length, s.window, s.ip_id, s.flags, s.ttl, from};
}

Segment segment_of(const Early& early) {
    Segment s;
    s.flags = early.flags;
    s.seq = early.seq;
    s.ack = early.ack;
    s.length = early.length;
    s.window = early.window;
    s.ip_id = early.ip_id;
    s.ttl = early.ttl;
    return s;
}

void keep_early(Connection& c, Role from, const Segment& s) {
    if (c.rst || s.any(flag::rst | flag::syn) || !is_ahead(c, from, s)) return;
    c.early = early_of(from, s);
}

std::optional<Segment> take_early(Connection& c, Role from) {
    if (!c.early) return std::nullopt;
    const Side& passed = c.of(from);
    const Early early = *c.early;
    const bool overtaken = from == early.role;
    const bool due = passed.next_known() && at_or_before(early.ack, passed.next);
    if (!overtaken && !due) return std::nullopt;
    c.early.reset();
    if (overtaken || c.rst) return std::nullopt;
    return segment_of(early);
}

}  // namespace finwait::tcp
