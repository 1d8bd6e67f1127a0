// RSTs: which ones may end a side, which ones were lost, and whether the engine's own are exact and harmless.

#include "judge.hpp"

namespace finwait::sim {

namespace {

namespace flag = tcp::flag;

/// The engine looks at its deadlines in ticks of this length.
constexpr Duration kTick = std::chrono::milliseconds(4);
constexpr Duration kQuiet = std::chrono::seconds(1);

}  // namespace

/// Whether an RST that passes may end the side that it goes to, when all that passed before arrives.
void Judge::note_reset(std::size_t sender, const Packet& packet) {
    const tcp::Segment& s = packet.segment;
    flow_.reset = true;
    const Endpoint& target = hosts_[1 - sender];
    const std::int32_t beyond = s.seq - target.rcv_nxt();
    const Passed& from = flow_.side[sender];
    const bool in_flight = from.numbered && beyond >= -1 && at_or_before(s.seq, from.end);
    Passed& to = flow_.side[1 - sender];
    // What its last segment that passed proves is that it takes this one; it may have got more since.
    const bool refuses_syn = to.numbered && !to.acked && s.any(flag::ack) && s.ack == to.end;
    const bool exact_as_seen = refuses_syn || (to.acked && s.seq == to.ack);
    if (beyond == 0 || in_flight || exact_as_seen || target.state() == tcp::State::syn_sent) to.mortal = true;
    if (exact_as_seen && beyond != 0) to.outrun = true;
    if (beyond > 0) to.unripe = true;
    if (beyond > 0 && packet.origin == Origin::forger) to.guessed_ahead = true;
    if (from.numbered && before(s.seq, from.end)) to.doubtful = true;
    const bool beyond_window = after(s.seq, tcp::later(target.right_edge(), target.rcv_nxt()));
    const bool beyond_data = from.numbered && after(s.seq, from.end);
    if (beyond_window || beyond_data) flow_.side[sender].farewell_lost = true;
}

void Judge::lost(std::uint8_t hop, const Packet& packet) {
    const std::size_t sender = hop / 2U;
    const bool behind = hop == behind_observer(sender);
    Passed& from = flow_.side[sender];
    Passed& to = flow_.side[1 - sender];
    if (behind && from.mortal) from.echo_lost = true;
    if (!packet.segment.any(flag::rst)) return;
    if (!behind && to.mortal) to.echo_lost = true;
    (behind ? to.reset_lost : from.farewell_lost) = true;
}

void Judge::reaped(Instant now, std::size_t receiver, const tcp::Segment& rst) {
    ++tally_.resets;
    flow_.ended_by_us = true;
    flow_.side[receiver].mortal = true;
    const Endpoint& target = hosts_[receiver];
    if (!target.alive()) return;
    if (!is_this(receiver)) {
        // The host has begun another connection meanwhile, which this must leave alone.
        const bool opening = target.state() == tcp::State::syn_sent;
        const bool taken = opening ? rst.ack == target.snd_nxt() : rst.seq == target.rcv_nxt();
        if (taken) fail(now, "a reset ends another connection: " + rst.text());
        return;
    }
    if (rst.seq != target.rcv_nxt()) fail(now, "a reset is not exact: " + rst.text());
    if (hosts_[1 - receiver].alive() && is_this(1 - receiver)) check_use(now);
}

void Judge::destroyed(Instant now, std::size_t host) {
    ++tally_.destroyed;
    flow_.ended_by_us = true;
    flow_.side[host].mortal = true;
    if (!hosts_[host].alive()) return;
    if (!is_this(host)) return fail(now, "the socket of another connection is ended");
    if (hosts_[1 - host].alive() && is_this(1 - host)) check_use(now);
}

/// Whether the socket that a host has now is the one that the flow is about.
bool Judge::is_this(std::size_t host) const {
    const Incarnation own = flow_.side[host].own;
    return own == kNone || own == hosts_[host].incarnation();
}

/// A reset reaches two living ends: only when nothing has moved for long, and nothing is under way.
void Judge::check_use(Instant now) {
    if (now + kTick < flow_.last_progress + fin_wait_2_) fail(now, "a pair in use is reset");
    if (now + kTick < flow_.last_seen + kQuiet) fail(now, "a pair is reset within a second of traffic");
    for (std::size_t host = 0; host < 2; ++host) {
        const Passed& from = flow_.side[host];
        const Passed& to = flow_.side[1 - host];
        if (from.numbered && to.acked && from.end != to.ack) fail(now, "a pair is reset with data in flight");
        // Nobody reads what goes to a record.
        const bool closer = hosts_[host].facts().fin_sent && !hosts_[host].record();
        if (closer && from.acked && from.window == 0)
            fail(now, "a pair is reset while its closer's window is closed");
    }
}

}  // namespace finwait::sim
