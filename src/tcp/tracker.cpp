#include "tcp/tracker.hpp"

#include "tcp/report.hpp"
#include "tcp/rules.hpp"
#include "tcp/signing.hpp"
#include "tcp/window.hpp"

#include <algorithm>

namespace finwait::tcp {

namespace {

constexpr std::uint8_t kUnknownScale = 14;  // RFC 7323 section 2.3: the largest allowed

/// The handshake's last step: an acknowledgment of a SYN by a segment without SYN.
void complete_handshake(Side& sender, Side& receiver, const Segment& s) {
    if (!receiver.syn_seen || !at_or_after(s.ack, receiver.iss + 1)) return;
    if (sender.state == State::unknown && sender.syn_seen) return;  // it was over before
    // Before its own SYN is acknowledged it can only be in SYN-RECEIVED: the SYNs have crossed.
    const bool own_acked =
        !sender.syn_seen || (receiver.ack_known() && at_or_after(receiver.ack, sender.iss + 1));
    apply(sender, own_acked ? Event::acked_syn : Event::sent_syn_ack);
    if (receiver.state == State::syn_received) apply(receiver, Event::syn_acked);
}

/// Data cannot lie beyond a FIN: neither what has passed nor what is acknowledged.
bool comes_too_early(const Side& sender, const Side& receiver, Seq fin) {
    return (sender.next_known() && before(fin, sender.next)) ||
           (receiver.ack_known() && before(fin, receiver.ack));
}

/// Beyond the FIN there is nothing. A sender whose earlier data passed unseen may prove its own FIN wrong
/// only by going beyond it.
bool agrees_with_fins(const Side& sender, const Side& receiver, const Segment& s) {
    if (sender.fin_seen() && after(s.end(), sender.fin)) return false;
    if (s.any(flag::fin) && sender.fin_seen() && s.end() != sender.fin) return false;
    if (s.any(flag::fin) && !sender.fin_seen() && comes_too_early(sender, receiver, s.end())) return false;
    return !receiver.fin_seen() || at_or_before(s.ack, receiver.fin);
}

bool note_sequence(Side& sender, const Segment& s) {
    if (!sender.next_known()) {
        sender.next = s.end();
        apply(sender.next_basis, NumberEvent::followed);
        return s.space() > 0;
    }
    if (!after(s.end(), sender.next)) return false;
    sender.next = s.end();
    if (s.space() > 0) sender.open = true;
    return s.space() > 0;
}

/// What the sender acknowledges was sent, even if it passed unseen.
void raise_to_acknowledged(Side& receiver, const Segment& s) {
    if (receiver.next_known() && !receiver.next_proven()) receiver.next = later(receiver.next, s.ack);
}

/// What passes can be held against a number that is known already.
bool is_anchored(const Connection& c) {
    return std::ranges::any_of(c.side, [](const Side& s) { return s.next_known() || s.ack_known(); });
}

Advance on_ordinary(Connection& c, Role from, const Segment& s, bool crossing) {
    Side& sender = c.of(from);
    Side& receiver = c.of(other(from));
    if (!s.any(flag::ack)) return {Outcome::invalid};  // RFC 9293 section 3.10.7.4: dropped
    if (sender.state == State::closed && !sender.fin_seen() && !c.rst && !join_from_before(c, from, s))
        return {Outcome::invalid};
    if (!c.adopted && !receiver.syn_seen) {  // there is nothing yet to acknowledge
        keep_early(c, from, s);
        return {Outcome::invalid};
    }
    choose_syn_ack(c, from, s);
    const bool plausible = in_window(c, from, s);
    if (!plausible || !agrees_with_fins(sender, receiver, s)) {
        const bool over = c.rst && !c.rst->claimed();
        const bool sends_on = sender.fin_stage == Fin::reported && s.length > 0;
        if (plausible && !over && retract_report(c)) {
            sender.open = sender.open || sends_on;
            settle_unknown(c);
            return s.any(flag::fin) ? on_ordinary(c, from, s, crossing) : Advance{Outcome::retracted};
        }
        if (over || !(doubt_matched_fin(c, s) || retract(c))) {
            keep_early(c, from, s);
            return {Outcome::invalid};
        }
        // Of two FINs that contradict each other the later one is the claim that waits to be confirmed.
        return s.any(flag::fin) ? on_ordinary(c, from, s, crossing) : Advance{Outcome::retracted};
    }
    const bool stray =
        sender.ack_known() && before(s.ack, sender.ack);  // what is sent anew carries the newest
    const bool newer = !sender.ack_known() || after(s.ack, sender.ack) || after(s.end(), sender.next);
    if (c.rst && (stray || !revive_after_reset(c, from, newer, crossing))) return {Outcome::accepted};

    const bool acked_before = sender.ack_known();
    const bool acked_fin_before = sender.acked_fin;
    const bool first_fin = !c.adopted || sender.open;
    const bool anchored = is_anchored(c);
    const Seq previous_ack = sender.ack;
    note_challenge(c, from, s);
    note_unsigned_taken(c, from, s);
    bool progress = note_sequence(sender, s);
    raise_to_acknowledged(receiver, s);
    note_header(sender, s);
    note_acknowledgment(c, from, s);
    progress = progress || !acked_before || after(sender.ack, previous_ack);

    complete_handshake(sender, receiver, s);
    if (c.adopted && !receiver.ack_known() && acked_before && after(sender.ack, previous_ack))
        apply(sender, Event::syn_acked);  // what it has got since its SYN,ACK acknowledged that
    acknowledge_fin(sender, receiver, s);
    const bool closes_at_once = s.any(flag::fin) && sender.acked_fin && !acked_fin_before;
    if (c.adopted && !closes_at_once) settle_unknown(c);  // it was never half-closed
    if (!s.any(flag::fin)) return {Outcome::accepted, progress};
    if (sender.fin_seen()) {
        repeat_fin(sender, receiver, s, crossing);
        return {Outcome::accepted, progress};
    }
    send_first_fin(sender, receiver, s, anchored);
    match_earlier_acknowledgment(sender, receiver, first_fin);
    if (c.adopted) settle_unknown(c);
    return {Outcome::accepted, true};
}

Advance judge(Connection& c, Role from, const Segment& s, bool crossing) {
    if (s.any(flag::rst)) return on_reset(c, from, s);
    if (s.has(flag::syn | flag::ack)) return on_syn_ack(c, from, s, crossing);
    if (s.any(flag::syn)) return on_syn(c, from, s);
    return on_ordinary(c, from, s, crossing);
}

}  // namespace

void note_header(Side& sender, const Segment& s) {
    sender.ip_id = s.ip_id;
    sender.ttl = s.ttl;
    // A SYN's id may be somebody else's (SYN cookies, SYNPROXY). A record sends neither data nor FIN: a 0
    // with these says that its sender does not count, or that its counter has just passed 0.
    const bool of_a_socket = s.ip_id != 0 || s.space() > 0;
    if (!s.any(flag::syn) && of_a_socket) sender.counts_ids = s.ip_id != 0;
    if (!s.any(flag::syn) && (s.any(flag::ece | flag::cwr) || s.accurate_ecn)) sender.marks_ecn = true;
    if (s.any(flag::syn) || !sender.syn_seen) {  // what a SYN has not offered is not in use
        if (s.offers(option::md5 | option::ao)) sender.unsigned_dropped = true;
        if (s.offers(option::mptcp)) sender.multipath = true;
    }
    note_timestamp(sender, s);
}

void note_timestamp(Side& sender, const Segment& s) {
    if (!s.offers(option::timestamps)) return;
    sender.timestamps = true;
    sender.ts_value = s.ts_value;
    sender.ts_basis = Basis::heard;
}

void note_answer(Side& sender) {
    if (sender.fin_stage == Fin::matched) sender.fin_stage = Fin::acked;
}

void note_acknowledgment(Connection& c, Role from, const Segment& s) {
    Side& sender = c.of(from);
    const std::uint32_t window = s.any(flag::syn) ? s.window : scaled_window(c, from, s.window);
    // The first segment after unseen ones may be a late one: more than it offers may have been offered since.
    const bool late = !sender.ack_known() && !sender.next_proven();
    const Seq edge = s.ack + (late ? std::max(window, sender.max_window) : window);
    const bool newest = !sender.ack_known() || at_or_after(s.ack, sender.ack);
    sender.edge = sender.ack_known() ? later(sender.edge, edge) : edge;
    if (newest) {
        sender.ack = s.ack;
        sender.window = s.window;
        sender.window_stale = false;
    }
    apply(sender.ack_basis, NumberEvent::followed);
    sender.max_window = std::max(sender.max_window, window);
}

Advance advance(Connection& c, Role from, const Segment& s, bool crossing) {
    if (dropped_unread(c, from, s)) return {Outcome::invalid};
    if (c.released) {
        if (!s.any(flag::syn | flag::fin | flag::rst)) return {Outcome::accepted, s.length > 0};
        c.released = false;
    }
    Advance result = judge(c, from, s, crossing);
    if (result.outcome != Outcome::accepted) return result;
    if (const auto early = take_early(c, from)) {
        const Advance due = on_ordinary(c, other(from), *early, true);
        result.progress = result.progress || due.progress;
    }
    return result;
}

void lose_numbers(Connection& c, Role role) {
    const NumberEvent event = report_open(c) ? NumberEvent::gap_reported : NumberEvent::gap;
    Side& side = c.of(role);
    apply(side.next_basis, event);
    apply(side.ack_basis, event);
    side.unsigned_sent = false;
    // Windows may have grown unseen: from here on only the largest possible one is certain.
    side.max_window = scaled_window(c, role, UINT16_MAX);
}

void lose_numbers(Connection& c) {
    c.early.reset();
    for (const Role role : {Role::client, Role::server})
        lose_numbers(c, role);
}

void release(Connection& c) {
    lose_numbers(c);
    c.released = true;
}

bool retract(Connection& c) {
    bool any = false;
    for (Side& side : c.side) {
        if (!side.fin_claimed()) continue;
        side.fin_stage = Fin::none;
        side.counts_ids = false;  // the claim may have come from somebody else
        // What an RST has closed stays closed.
        (side.state == State::closed ? side.before_reset : side.state) = side.before_fin;
        any = true;
    }
    if (any) lose_numbers(c);
    return any;
}

std::optional<Role> closer(const Connection& c) {
    for (const Role r : {Role::client, Role::server})
        if (c.of(r).state == State::fin_wait_2 && c.of(other(r)).state == State::close_wait) return r;
    return std::nullopt;
}

bool established(const Connection& c) {
    return std::ranges::all_of(c.side,
                               [](const Side& s) { return s.state == State::established && !s.fin_seen(); });
}

bool embryonic(const Connection& c) {
    return std::ranges::any_of(
        c.side, [](const Side& s) { return s.state == State::syn_sent || s.state == State::syn_received; });
}

bool finished(const Connection& c) {
    const bool both_acked = std::ranges::all_of(c.side, [](const Side& s) { return s.fin_acked(); });
    return std::ranges::all_of(c.side, [&](const Side& s) {
        return s.state == State::closed || s.state == State::time_wait ||
               (both_acked && s.state == State::unknown);
    });
}

bool exact(const Connection& c) {
    return std::ranges::all_of(c.side, [](const Side& s) {
        return s.next_basis >= Basis::heard && s.ack_basis >= Basis::heard && !s.fin_claimed();
    });
}

std::uint8_t scale_in_force(const Connection& c, Role role) {
    const Side& side = c.of(role);
    const Side& peer = c.of(other(role));
    if (side.syn_seen && peer.syn_seen)
        return side.scale_offered && peer.scale_offered ? side.scale : std::uint8_t{0};
    return kUnknownScale;
}

}  // namespace finwait::tcp
