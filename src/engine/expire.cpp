// Deadlines: what happens when a flow's time in its stage is up.

#include "engine/impl.hpp"
#include "tcp/report.hpp"

#include <algorithm>
#include <new>

namespace finwait::engine {

namespace {

/// A living receiver acknowledges data within half a second (RFC 9293 section 3.8.6.3), and the path adds its
/// time.
constexpr Duration kResetTaken = std::chrono::milliseconds(800);
/// Deadlines handled in one on_tick(): packets must not wait for more.
constexpr int kTickBudget = 2048;
/// A flow closed by RST stays this long, so that what was in flight does not begin a new one (as in
/// conntrack).
constexpr Duration kLinger = std::chrono::seconds(10);
/// What was under way when an RST passed has arrived by then.
constexpr Duration kInFlight = std::chrono::seconds(1);
/// How often a flow whose segments wait to leave looks whether they have: less than any answer may take.
constexpr Duration kHeldFor = std::chrono::milliseconds(500);

/// It is over, and its sides may not know it: an RST was not certain, or what it was to end goes on, or a FIN
/// was repeated. What comes then comes after a retransmission timeout that has been doubled some times.
bool may_go_on(const flow::Record& record) {
    const tcp::Connection& c = record.connection;
    if (!c.rst) return c.side[0].fin_repeated || c.side[1].fin_repeated;
    const bool uncertain = c.rst->claimed() && c.of(c.rst->by).next_proven();
    return uncertain || record.last_seen >= record.last_progress + kInFlight;
}

}  // namespace

Instant Engine::Impl::deadline(const Record& record, Stage stage) const {
    const policy::Timeouts& t = timeouts(record);
    if (tcp::reset_pending(record.connection)) return record.last_seen + kResetTaken;
    switch (stage) {
        case Stage::provisional: return record.last_seen + t.handshake;  // a repeated SYN goes on opening
        case Stage::established:
        case Stage::unsettled: return std::min(record.last_seen + t.established, record.report_again);
        case Stage::fin_wait_1: return record.last_seen + t.fin_wait_1;  // a repeated FIN is a sign of life
        case Stage::half_closed: return std::max(reaper::due(record, t), record.reaping.not_before);
        case Stage::closing: return record.last_seen + t.closing;
        case Stage::finished: break;
    }
    if (may_go_on(record)) return record.last_seen + std::max(t.time_wait, t.closing);
    const bool lingers = record.connection.rst || record.reaping.phase == flow::Phase::gone;
    return record.last_progress + (lingers ? kLinger : t.time_wait);
}

void Engine::Impl::arm(std::uint32_t slot, Instant when) {
    wheel_.arm(slot, when);
}

/// Whether `more` actions fit. Without room nothing is begun: a deadline that was taken from the wheel would
/// be lost with its action.
bool Engine::Impl::has_room(Actions& actions, std::size_t more) {
    if (actions.capacity() - actions.size() >= more) return true;
    try {
        actions.reserve(std::max(2 * actions.capacity(), actions.size() + more));
    } catch (const std::bad_alloc&) {
        ++counters.memory_refused;
        return false;
    }
    return true;
}

void Engine::Impl::tell_pending(Actions& actions) {
    if (has_room(actions, pending_.size()))
        actions.insert(actions.end(), pending_.begin(), pending_.end());
    else
        counters.events_lost += pending_.size();
    pending_.clear();
}

void Engine::Impl::on_tick(Instant now, Actions& actions) {
    tell_pending(actions);
    if (on_hold_) return;
    begin_due_walk(now);
    if (walked_ != flow::kNoSlot) walk(now);
    if (compared_ != flow::kNoSlot) forget_unknown(now);
    if (swept_ != flow::kNoSlot) sweep();
    serve(now, probes_, actions);
    serve(now, resets_, actions);
    wake_due(now, actions);
}

void Engine::Impl::wake_due(Instant now, Actions& actions) {
    for (int i = 0; i < kTickBudget && has_room(actions, kMostActionsOfOne); ++i) {
        const std::uint32_t slot = wheel_.pop(now);
        if (slot == flow::kNoSlot) return;
        wake(now, slot, actions);
        if (table_.live(slot)) table_.lay_down(slot);
    }
}

Instant Engine::Impl::next_deadline() const {
    if (on_hold_) return pending_.empty() ? Instant::never() : Instant();
    const bool walking = walked_ != flow::kNoSlot || compared_ != flow::kNoSlot;
    const bool work_left = !pending_.empty() || swept_ != flow::kNoSlot || walking;
    return work_left ? Instant() : std::min({wheel_.next(), walk_due_, next_turn()});
}

bool Engine::Impl::at_work(const Record& record) {
    const Stage s = stage(record);
    const flow::Phase phase = record.reaping.phase;
    if (phase != flow::Phase::watching && phase != flow::Phase::gone) return true;
    return s != Stage::finished && (record.reaping.requested || s == Stage::half_closed);
}

void Engine::Impl::wake(Instant now, std::uint32_t slot, Actions& actions) {
    Record& record = table_[slot];
    catch_up_with_losses(now, slot);
    const Stage s = stage(record);
    if (at_work(record) || revive_report(now, slot)) return reap(now, slot, actions);
    const Instant when = deadline(record, s);
    if (now < when) return arm(slot, when);
    expire(now, slot, s);
}

/// The end of a stage that is not half-closed: forgetting. Nothing is sent; endpoints have timers of their
/// own for it.
void Engine::Impl::expire(Instant now, std::uint32_t slot, Stage s) {
    Record& record = table_[slot];
    if (tcp::reset_pending(record.connection)) {
        const Before earlier = before(record);
        tcp::take_reset(record.connection);
        return settle(now, slot, earlier, nullptr);
    }
    if (s == Stage::fin_wait_1) {
        const Before earlier = before(record);
        if (tcp::retract(record.connection)) {
            // A FIN that nobody acknowledged in all this time was forged, or its flow is dead: back to
            // watching.
            record.last_seen = record.last_progress = now;
            return settle(now, slot, earlier, nullptr);
        }
    }
    erase(now, slot);
}

void Engine::Impl::reap(Instant now, std::uint32_t slot, Actions& actions, bool granted) {
    Record& record = table_[slot];
    if (reaper::held(record)) return arm(slot, now + kHeldFor);
    match_policy(now, record);
    const policy::Timeouts& t = timeouts(record);
    if (!record.reaping.requested && spared(now, record)) {
        reaper::revive(record);
        const Instant end = record.last_seen + t.established;
        return now < end ? arm(slot, std::min(end, now + reaper::kStoppedFor)) : erase(now, slot);
    }
    policy::Breaker& breaker = breakers_[record.policy];
    const bool was_open = breaker.open();
    const reaper::Decision decision =
        reaper::decide(record, {now, t, tuning.observe, resets_.rate, probes_.rate, breaker,
                                tuning.breaker_share, lasting(), hashes_of_sources(record), granted});
    if (decision.limit) stand_in_line(slot, *decision.limit);
    if (decision.source_full) ++counters.resets_held_back;
    if (breaker.open() && !was_open)
        actions.emplace_back(event(now, slot, EventType::stopped,
                                   "it would end more than its share of the table within a minute"));
    send(slot, decision, actions);
    tell_steps(now, slot, decision, actions);
    if (decision.withdraw_report) return withdraw_report(now, slot);
    switch (decision.result) {
        case reaper::Result::pending: return arm_after(now, slot, decision);
        case reaper::Result::would_reset: return note_would_reset(now, slot, decision.reason, actions);
        case reaper::Result::confirmed:
        case reaper::Result::unconfirmed:
        case reaper::Result::refused: return finish_reset(now, slot, decision.result, decision.reason);
    }
}

/// A flow that is never acted on and never moves again is forgotten in the end. One that stands in a line is
/// woken by that; its timer is for where the line moves faster or slower than expected.
void Engine::Impl::arm_after(Instant now, std::uint32_t slot, const reaper::Decision& decision) {
    const Record& record = table_[slot];
    // Not what a full table makes of it: half-closed flows would be forgotten before they are due.
    const Instant end = record.last_seen + tuning.policies[record.policy].timeouts.established;
    if (decision.limit) return arm(slot, std::max(decision.again, now + reaper::RateLimit::kBurst));
    if (now >= end) return erase(now, slot);
    arm(slot, std::min(decision.again, end));
}

/// To this machine's own socket first: its kernel may tell the peer itself.
void Engine::Impl::send(std::uint32_t slot, const reaper::Decision& decision, Actions& actions) {
    const Record& record = table_[slot];
    for (const bool local : {true, false}) {
        for (const tcp::Segment& segment : decision.segments) {
            if (record.is_local(segment.destination) != local) continue;
            Send send{segment, id_of(slot)};
            send.segment.mark = record.mark[tcp::index(record.role_of(segment.source))];
            send.guessed = record.reaping.of(record.role_of(segment.destination)).guessed;
            send.to_local = local;
            send.after_reset = record.reaping.phase == flow::Phase::confirming;
            send.for_numbers = tcp::in_doubt(record.connection);
            send.half_closed = record.half_closed;
            send.last_seen = record.last_seen;
            actions.emplace_back(send);
        }
    }
}

void Engine::Impl::hold(Instant now, FlowId flow) {
    if (const auto slot = slot_of(flow)) reaper::hold(table_[*slot], now);
}

void Engine::Impl::let_go(Instant now, FlowId flow) {
    if (const auto slot = slot_of(flow)) reaper::let_go(table_[*slot], now);
}

void Engine::Impl::note_would_reset(Instant now, std::uint32_t slot, std::string_view reason,
                                    Actions& actions) {
    Record& record = table_[slot];
    record.reaping.recorded = true;
    ++counters.expired;
    ++counters.observed;
    ++policy_counts_[record.policy].expired;
    ++policy_counts_[record.policy].observed;
    actions.emplace_back(event(now, slot, EventType::would_reset, reason));
    arm(slot, record.last_seen + timeouts(record).established);
}

void Engine::Impl::finish_reset(Instant now, std::uint32_t slot, reaper::Result result,
                                std::string_view reason) {
    Record& record = table_[slot];
    if (result == reaper::Result::refused) {
        ++counters.resets_refused;
        ++policy_counts_[record.policy].refused;
        push_event(event(now, slot, EventType::refused, reason));
        record.reaping = {};
        record.reaping.outcome = flow::Outcome::refused;
        record.reaping.not_before = now + std::max(reaper::kLeaveAlone, timeouts(record).fin_wait_2);
        return arm(slot, deadline(record, stage(record)));
    }
    const bool confirmed = result == reaper::Result::confirmed;
    PolicyCounts& counts = policy_counts_[record.policy];
    ++(confirmed ? counters.resets_confirmed : counters.resets_unconfirmed);
    ++(confirmed ? counts.confirmed : counts.unconfirmed);
    record.reaping.outcome = confirmed ? flow::Outcome::confirmed : flow::Outcome::unconfirmed;
    push_event(event(now, slot, confirmed ? EventType::confirmed : EventType::unconfirmed, reason));
    take_for_closed(now, slot);
}

/// The flow has been ended: both sides are taken for gone, and what still comes begins nothing.
void Engine::Impl::take_for_closed(Instant now, std::uint32_t slot) {
    Record& record = table_[slot];
    tcp::Connection& c = record.connection;
    const Before earlier = before(record);
    for (tcp::Side& side : c.side)
        side.state = tcp::next_state(side.state, tcp::Event::reset);
    if (!c.rst) c.rst.emplace();
    c.rst->standing = tcp::SeenRst::Standing::certain;
    record.reaping.phase = flow::Phase::gone;
    record.reaping.requested = false;
    record.was_half_closed = false;
    record.last_progress = now;
    settle(now, slot, earlier, nullptr);
    arm(slot, deadline(record, stage(record)));
}

}  // namespace finwait::engine
