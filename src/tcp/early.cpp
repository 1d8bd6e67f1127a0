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
    if (!sender.fresh || s.seq != sender.next) return false;
    if (!receiver.syn_seen) return sender.state == State::syn_sent;
    const bool all_seen = receiver.fresh && receiver.complete;
    return all_seen && after(s.ack, receiver.next) && sender.acked && at_or_before(s.ack, sender.edge + 1) &&
           sequence_in_window(c, from, s);
}

}  // namespace

void keep_early(Connection& c, Role from, const Segment& s) {
    if (c.reset_seen || s.any(flag::rst | flag::syn) || !is_ahead(c, from, s)) return;
    c.early = {s.seq, s.ack, s.length, s.window, s.ip_id, s.flags, s.ttl};
    c.early_role = from;
    c.early_seen = true;
}

std::optional<Segment> take_early(Connection& c, Role from) {
    const Side& passed = c.of(from);
    const bool overtaken = from == c.early_role;
    const bool due = passed.fresh && at_or_before(c.early.ack, passed.next);
    if (!c.early_seen || !(overtaken || due)) return std::nullopt;
    c.early_seen = false;
    if (overtaken || c.reset_seen) return std::nullopt;
    Segment s;
    s.flags = c.early.flags;
    s.seq = c.early.seq;
    s.ack = c.early.ack;
    s.length = c.early.length;
    s.window = c.early.window;
    s.ip_id = c.early.ip_id;
    s.ttl = c.early.ttl;
    return s;
}

}  // namespace finwait::tcp
