// What becomes of a flow: its stage, and everything that counts or times it brought in line with a change.

#include "engine/impl.hpp"
#include "tcp/report.hpp"

namespace finwait::engine {

Stage Engine::Impl::stage(const Record& record) {
    const tcp::Connection& c = record.connection;
    const tcp::Side& client = c.side[0];
    const tcp::Side& server = c.side[1];
    if (tcp::finished(c)) return Stage::finished;
    if (tcp::embryonic(c)) return Stage::provisional;
    const bool unknown = client.state == tcp::State::unknown || server.state == tcp::State::unknown;
    if (c.adopted && unknown && !c.released && (!client.next_known() || !server.next_known()))
        return Stage::provisional;
    if (tcp::closer(c)) return Stage::half_closed;
    if (client.fin_seen() && server.fin_seen()) return Stage::closing;
    if (!client.fin_seen() && !server.fin_seen()) return Stage::established;
    const bool acked = client.fin_acked() || server.fin_acked();
    return acked ? Stage::unsettled : Stage::fin_wait_1;
}

flow::Shelf Engine::Impl::shelf_for(Stage stage) {
    if (stage == Stage::finished) return flow::Shelf::finished;
    if (stage == Stage::provisional) return flow::Shelf::provisional;
    return flow::Shelf::none;
}

Engine::Impl::Before Engine::Impl::before(const Record& record) {
    const tcp::Connection& c = record.connection;
    return {stage(record), {c.side[0].state, c.side[1].state}, c.released};
}

/// Brings counters, trail, shelf and timer in line with what a segment or a decision (then without segment)
/// has made of a flow.
void Engine::Impl::settle(Instant now, std::uint32_t slot, const Before& before, const tcp::Segment* cause) {
    Record& record = table_[slot];
    if (before.released && !record.connection.released) --released_now_;
    for (const tcp::Role role : {tcp::Role::client, tcp::Role::server}) {
        const tcp::State state = record.connection.of(role).state;
        const tcp::State old = before.states[tcp::index(role)];
        if (state == old) continue;
        --sides_[tcp::index(role)][static_cast<std::size_t>(old)];
        ++sides_[tcp::index(role)][static_cast<std::size_t>(state)];
        note_step(now, slot, role, cause);
    }
    const Stage stage_now = stage(record);
    if (stage_now == before.stage) return;
    change_stage(now, slot, stage_now);
    table_.shelve(slot, shelf_for(stage_now));
    note_fill();
    arm(slot, deadline(record, stage_now));
}

void Engine::Impl::note_step(Instant now, std::uint32_t slot, tcp::Role side, const tcp::Segment* cause) {
    Record& record = table_[slot];
    flow::Step step;
    step.at = now;
    step.side = side;
    step.state = record.connection.of(side).state;
    if (cause != nullptr) {
        step.seq = cause->seq;
        step.ack = cause->ack;
        step.length = cause->length;
        step.flags = cause->flags;
        step.from = record.role_of(cause->source);
    }
    record.trail.add(step);
    if (options_.observer != nullptr) options_.observer->moved(id_of(slot), step);
}

void Engine::Impl::change_stage(Instant now, std::uint32_t slot, Stage to) {
    Record& record = table_[slot];
    const bool half_closed = to == Stage::half_closed;
    const bool was = record.half_closed;
    record.half_closed = half_closed;
    if (half_closed && !was) note_half_closed(now, slot);
    if (!half_closed && was) note_half_closed_no_more(now, slot, to);
    if (to != Stage::finished) return;
    // Where a kill or `enforce` has gone to work on the flow, its end says nothing about what `observe`
    // recorded.
    const bool left_alone = record.reaping.phase == flow::Phase::watching;
    if (record.reaping.recorded && left_alone) ++policy_counts_[record.policy].right;
    record.reaping.recorded = false;
    const tcp::Connection& c = record.connection;
    if (c.rst) static_cast<void>(reaper::take_drawn_reset(record, c.rst->by, now));
    // After a reset of ours the end is told once it is known to have worked. A socket of this machine that we
    // have ended sends an RST of its own, which passes here, too.
    const bool by_us = record.reaping.phase == flow::Phase::confirming;
    if (record.was_half_closed && !by_us)
        push_event(event(now, slot, EventType::closed,
                         record.connection.rst ? "reset by a peer" : "closed by both sides"));
    const bool heard_gone = record.reaping.urgent;  // by an answer to a probe: the reaper goes on from there
    if (record.reaping.phase == flow::Phase::probing && !heard_gone) reaper::revive(record);
}

namespace {

/// By whose word one side's FIN is acknowledged.
std::string_view witness(const flow::Record& record) {
    if (!tcp::report_open(record.connection)) return "one side's FIN is acknowledged";
    return record.closed_by_socket ? "this machine's own socket says that one side's FIN is acknowledged"
                                   : "conntrack says that one side's FIN is acknowledged";
}

}  // namespace

void Engine::Impl::note_half_closed(Instant now, std::uint32_t slot) {
    Record& record = table_[slot];
    count_half_closed(record, now);
    record.longest_idle = Duration(0);
    reaper::revive(record);
    match_policy(now, record);
    if (tuning.half_closed_per_source > 0) crowd(slot);
    // A repeated FIN whose ACK was lost makes the flow half-closed once more: that is told and counted only
    // once.
    if (record.was_half_closed) return;
    record.was_half_closed = true;
    ++counters.half_closed;
    ++policy_counts_[record.policy].half_closed;
    push_event(event(now, slot, EventType::half_closed, witness(record)));
}

void Engine::Impl::count_half_closed(Record& record, Instant since) {
    const tcp::Role closer = tcp::closer(record.connection).value_or(tcp::Role::client);
    record.server_closed = closer == tcp::Role::server;
    record.half_closed_at = since;
    census_.add(closer, since);
}

void Engine::Impl::count_half_closed_no_more(const Record& record) {
    census_.remove(record.server_closed ? tcp::Role::server : tcp::Role::client, record.half_closed_at);
}

void Engine::Impl::note_half_closed_no_more(Instant now, std::uint32_t slot, Stage to) {
    Record& record = table_[slot];
    count_half_closed_no_more(record);
    sources_.remove(slot);
    record.reaping.crowded = false;
    const bool both_closed = (to == Stage::closing || to == Stage::finished) && !record.connection.rst;
    if (!both_closed) return;
    PolicyCounts& counts = policy_counts_[record.policy];
    counts.lasted.add(now - record.half_closed_at);
    counts.longest_idle.add(record.longest_idle);
}

void Engine::Impl::match_policy(Instant now, Record& record) {
    const std::uint8_t matched = tuning.policies.match(subject(now, record));
    if (matched == record.policy) return;
    --policy_counts_[record.policy].flows;
    ++policy_counts_[matched].flows;
    record.policy = matched;
}

void Engine::Impl::count_states(const tcp::Connection& c, std::int64_t by) {
    for (std::size_t role = 0; role < 2; ++role)
        sides_[role][static_cast<std::size_t>(c.side[role].state)] += by;
}

void Engine::Impl::push_event(Event e) {
    if (pending_.size() < kMaxPendingEvents)
        pending_.push_back(e);
    else
        ++counters.events_lost;
}

}  // namespace finwait::engine
