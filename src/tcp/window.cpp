#include "tcp/window.hpp"

#include "tcp/tracker.hpp"

#include <algorithm>

namespace finwait::tcp {

namespace {

/// An acknowledgment may lag this far behind at least, however small the windows: nf_conntrack's
/// MAXACKWINCONST.
constexpr std::uint32_t kMinAckLag = 66'000;
/// No window is larger (RFC 7323 section 2.3): a bound even where nothing was heard of the other side.
constexpr std::uint32_t kLargestWindow = UINT32_C(1) << 30U;

/// (I) not beyond the right edge that the receiver offered. One more is a window probe (RFC 9293
/// section 3.8.6.1).
bool before_right_edge(const Side& sender, const Side& receiver, const Segment& s) {
    if (receiver.ack_known()) return at_or_before(s.end(), receiver.edge + 1);
    if (!sender.next_known()) return true;
    // Nothing follows a SYN before it is acknowledged.
    if (sender.state == State::syn_sent && sender.next_proven()) return at_or_before(s.seq, sender.next);
    return at_or_before(s.end(), sender.next + kLargestWindow);
}

/// Nothing comes before a SYN, for as long as it is not so far back that numbers do not tell.
bool behind_syn(const Side& sender, const Segment& s) {
    const bool recent =
        sender.next_proven() && sender.syn_seen && at_or_before(sender.next, sender.iss + kLargestWindow);
    return !recent || at_or_after(s.seq, sender.iss);
}

/// (II) not older than one window below what the sender has sent. One less is a keepalive (RFC 9293
/// section 3.8.4).
bool above_left_edge(const Side& sender, const Side& receiver, const Segment& s) {
    if (!sender.next_known()) return true;
    if (!receiver.ack_known()) return behind_syn(sender, s);
    return at_or_after(s.end(), sender.next - receiver.max_window - 1);
}

/// (III) acknowledges nothing that was never sent, nor allowed to be sent.
bool acks_sent_data(const Side& sender, const Side& receiver, const Segment& s) {
    if (receiver.next_known() && receiver.next_proven()) return at_or_before(s.ack, receiver.next);
    if (sender.ack_known() && sender.next_proven()) return at_or_before(s.ack, sender.edge + 1);
    return !sender.ack_known() || at_or_before(s.ack, sender.ack + kLargestWindow);
}

/// (IV) does not acknowledge less than what a full window of data in flight explains.
bool acks_recent_data(const Side& sender, const Side& receiver, const Segment& s) {
    return !receiver.next_known() ||
           at_or_after(s.ack, receiver.next - std::max(sender.max_window, kMinAckLag));
}

}  // namespace

std::uint32_t scaled_window(const Connection& c, Role role, std::uint16_t raw) {
    return static_cast<std::uint32_t>(raw) << scale_in_force(c, role);
}

bool sequence_in_window(const Connection& c, Role from, const Segment& s) {
    const Side& sender = c.of(from);
    const Side& receiver = c.of(other(from));
    return before_right_edge(sender, receiver, s) && above_left_edge(sender, receiver, s);
}

bool in_window(const Connection& c, Role from, const Segment& s) {
    const Side& sender = c.of(from);
    const Side& receiver = c.of(other(from));
    return sequence_in_window(c, from, s) && acks_sent_data(sender, receiver, s) &&
           acks_recent_data(sender, receiver, s);
}

}  // namespace finwait::tcp
