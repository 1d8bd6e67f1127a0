// Segments: finding or beginning their flow, moving it on, and the verdict.

#include "engine/impl.hpp"

namespace finwait::engine {

namespace {

/// A flow on the fast path whose segments still arrive is told to the kernel again, but not more often than
/// this.
constexpr Duration kReleaseAgain = std::chrono::seconds(1);
constexpr std::size_t kMaxPendingEvents = 16'384;

std::array<tcp::State, 2> states_of(const tcp::Connection& c) {
    return {c.side[0].state, c.side[1].state};
}

flow::Shelf shelf_for(Stage stage) {
    if (stage == Stage::finished) return flow::Shelf::finished;
    if (stage == Stage::provisional) return flow::Shelf::provisional;
    return flow::Shelf::none;
}

}  // namespace

Engine::Impl::Impl(Options options)
    : tuning(std::move(options.tuning)),
      options_(std::move(options)),
      table_(options_.max_flows, {options_.hash_key[0], options_.hash_key[1]}),
      wheel_(options_.max_flows),
      pace_(tuning.resets_per_second) {
    policy_counts.resize(tuning.policies.size());
    pending_.reserve(kMaxPendingEvents);
}

Stage Engine::Impl::stage(const Record& record) {
    const tcp::Connection& c = record.connection;
    const tcp::Side& client = c.side[0];
    const tcp::Side& server = c.side[1];
    if (tcp::finished(c)) return Stage::finished;
    if (tcp::embryonic(c)) return Stage::provisional;
    if (c.adopted && !c.released && (!client.fresh || !server.fresh)) return Stage::provisional;
    if (tcp::closer(c)) return Stage::half_closed;
    if (client.fin_seen && server.fin_seen) return Stage::closing;
    if (!client.fin_seen && !server.fin_seen) return Stage::established;
    const bool acked = client.fin_acked || server.fin_acked;
    return acked ? Stage::unsettled : Stage::fin_wait_1;
}

Verdict Engine::Impl::on_segment(Instant now, const tcp::Segment& segment) {
    ++counters.packets_seen;
    if (segment.source == segment.destination) {
        ++counters.packets_invalid;
        return Verdict::accept;
    }
    const flow::Key key = flow::Key::of(segment);
    const std::uint32_t slot = table_.find(key);
    if (slot == flow::kNoSlot) return begin(now, key, segment);

    Record& record = table_[slot];
    tcp::Connection& c = record.connection;
    if (record.losses != losses_) {
        record.losses = losses_;
        if (!c.released) tcp::lose_numbers(c);
    }
    const tcp::Role from = record.role_of(segment.source);
    const bool was_released = c.released;
    const Stage before = stage(record);
    const std::array<tcp::State, 2> states = states_of(c);
    const tcp::Advance advance = tcp::advance(c, from, segment);
    switch (advance.outcome) {
        case tcp::Outcome::reopened:
            if (was_released && !c.released) --released_now_;
            reopen(now, slot, from, segment);
            return Verdict::accept;
        case tcp::Outcome::accepted:
            break;
        case tcp::Outcome::invalid:
        case tcp::Outcome::challenge:
        case tcp::Outcome::retracted:
            ++counters.packets_invalid;
            break;
    }
    if (was_released && !c.released) --released_now_;
    if (advance.outcome == tcp::Outcome::accepted) {
        record.last_seen = now;
        if (advance.progress) record.last_progress = now;
        if (advance.progress) record.reaping.recorded = record.reaping.refused = false;
        if (!segment.any(tcp::flag::rst)) reaper::heard(record);
    }
    settle(now, slot, before, states);
    if (record.reaping.answered) arm(slot, now);
    return verdict_for(now, record);
}

/// A segment that belongs to no flow: begins one, unless nothing can begin with it or the table is full.
Verdict Engine::Impl::begin(Instant now, const flow::Key& key, const tcp::Segment& segment) {
    const std::optional<tcp::Opened> opened = tcp::open(segment);
    if (!opened) return Verdict::accept;
    const std::uint32_t slot = make_room(key);
    if (slot == flow::kNoSlot) {
        ++counters.packets_untracked;
        return Verdict::accept;
    }
    place(now, slot, *opened, segment);
    return verdict_for(now, table_[slot]);
}

void Engine::Impl::reopen(Instant now, std::uint32_t slot, tcp::Role from, const tcp::Segment& segment) {
    const tcp::Opened opened = tcp::reopen(table_[slot].connection, from, segment);
    const flow::Key key = table_[slot].key;
    erase(slot);
    place(now, table_.insert(key), opened, segment);
}

void Engine::Impl::place(Instant now, std::uint32_t slot, const tcp::Opened& opened,
                         const tcp::Segment& segment) {
    Record& record = table_[slot];
    record.connection = opened.connection;
    record.client_is_low = (segment.source == record.key.low) == (opened.sender == tcp::Role::client);
    record.opened = record.last_seen = record.last_progress = now;
    record.losses = losses_;
    record.armed_for = Instant::never();
    ++(opened.connection.adopted ? counters.flows_adopted : counters.flows_opened);
    count_states(record.connection, 1);
    ++policy_counts[0].flows;
    match_policy(now, record);
    const Stage s = stage(record);
    table_.shelve(slot, shelf_for(s));
    arm(slot, deadline(record, s));
}

/// A slot for a new flow; what is finished or never got past its handshake gives way.
std::uint32_t Engine::Impl::make_room(const flow::Key& key) {
    const std::uint32_t slot = table_.insert(key);
    if (slot != flow::kNoSlot) return slot;
    std::uint32_t victim = table_.oldest(flow::Shelf::finished);
    if (victim == flow::kNoSlot) victim = table_.oldest(flow::Shelf::provisional);
    if (victim == flow::kNoSlot) return flow::kNoSlot;
    ++counters.flows_evicted;
    erase(victim);
    return table_.insert(key);
}

void Engine::Impl::erase(std::uint32_t slot) {
    const Record& record = table_[slot];
    count_states(record.connection, -1);
    --policy_counts[record.policy].flows;
    if (record.half_closed) --half_closed_now_;
    if (record.connection.released) --released_now_;
    wheel_.cancel(slot);
    table_.erase(slot);
}

/// Brings counters, shelf and timer in line with what a segment or a decision has made of a flow.
void Engine::Impl::settle(Instant now, std::uint32_t slot, Stage before, std::array<tcp::State, 2> states) {
    Record& record = table_[slot];
    const std::array<tcp::State, 2> current = states_of(record.connection);
    for (std::size_t role = 0; role < 2; ++role) {
        if (current[role] == states[role]) continue;
        --sides_[role][static_cast<std::size_t>(states[role])];
        ++sides_[role][static_cast<std::size_t>(current[role])];
    }
    const Stage after = stage(record);
    if (after == before) return;
    const bool half_closed = after == Stage::half_closed;
    if (half_closed != record.half_closed) {
        record.half_closed = half_closed;
        half_closed_now_ += half_closed ? 1U : 0U;
        half_closed_now_ -= half_closed ? 0U : 1U;
        if (half_closed) note_half_closed(now, slot);
    }
    if (after == Stage::finished && record.was_half_closed)
        push_event(event(now, slot, EventType::closed,
                         record.connection.reset_seen ? "reset by a peer" : "closed by both sides"));
    if (after == Stage::finished && record.reaping.phase == flow::Phase::resetting) {
        // A side's own RST crossed ours.
        ++counters.resets_unconfirmed;
        record.reaping.phase = flow::Phase::gone;
    }
    table_.shelve(slot, shelf_for(after));
    arm(slot, deadline(record, after));
}

void Engine::Impl::note_half_closed(Instant now, std::uint32_t slot) {
    Record& record = table_[slot];
    record.half_closed_at = now;
    record.reaping = {};
    match_policy(now, record);
    // A repeated FIN whose ACK was lost makes the flow half-closed once more: that is told and counted only
    // once.
    if (record.was_half_closed) return;
    record.was_half_closed = true;
    ++counters.half_closed;
    ++policy_counts[record.policy].half_closed;
    push_event(event(now, slot, EventType::half_closed, "one side's FIN is acknowledged"));
}

Verdict Engine::Impl::verdict_for(Instant now, Record& record) {
    tcp::Connection& c = record.connection;
    if (!options_.selective || record.reaping.phase != flow::Phase::watching || record.reaping.requested)
        return Verdict::accept;
    if (c.released ? now < record.released_at + kReleaseAgain : !tcp::established(c)) return Verdict::accept;
    if (!c.released) ++released_now_;
    tcp::release(c);
    record.released_at = now;
    return Verdict::release;
}

void Engine::Impl::on_loss(std::uint64_t packets) {
    counters.packets_lost += packets;
    ++losses_;
}

void Engine::Impl::match_policy(Instant now, Record& record) {
    const std::uint8_t matched = tuning.policies.match(subject(now, record));
    if (matched == record.policy) return;
    --policy_counts[record.policy].flows;
    ++policy_counts[matched].flows;
    record.policy = matched;
}

void Engine::Impl::count_states(const tcp::Connection& c, std::int64_t by) {
    for (std::size_t role = 0; role < 2; ++role)
        sides_[role][static_cast<std::size_t>(c.side[role].state)] += by;
}

void Engine::Impl::push_event(Event e) {
    if (pending_.size() < kMaxPendingEvents) pending_.push_back(e);
}

}  // namespace finwait::engine
