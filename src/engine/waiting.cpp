// What waits for a rate limit, and what did not leave this machine.

#include "engine/impl.hpp"

#include <algorithm>

namespace finwait::engine {

namespace {

/// Flows of one line that are looked at in one on_tick(): packets must not wait for more.
constexpr int kServedAtOnce = 1024;

}  // namespace

void Engine::Impl::set_rates() {
    resets_.rate.set_rate(tuning.resets_per_second);
    probes_.rate.set_rate(tuning.probes_per_second);
    adoptions_ = reaper::Pace(tuning.probes_per_second / 2);  // each is asked on both sides
}

/// Where the line is full the flow comes again by its timer.
void Engine::Impl::stand_in_line(std::uint32_t slot, reaper::Limit limit) {
    Record& record = table_[slot];
    if (record.reaping.waits) return;
    const bool for_probes = limit == reaper::Limit::probes;
    record.reaping.waits = (for_probes ? probes_ : resets_).join(slot, reaper::urgency(record));
    ++(for_probes ? counters.probes_delayed : counters.resets_delayed);
}

void Engine::Impl::serve(Instant now, Line& line, Actions& actions) {
    for (int i = 0; i < kServedAtOnce && has_room(actions, kMostActionsOfOne); ++i) {
        const std::optional<std::uint32_t> slot = line.next(now);
        if (!slot) return;
        if (!table_.live(*slot) || !table_.look(*slot).reaping.waits) continue;
        table_[*slot].reaping.waits = false;
        catch_up_with_losses(now, *slot);
        if (at_work(table_[*slot])) reap(now, *slot, actions, true);
        if (table_.live(*slot)) table_.lay_down(*slot);
    }
}

Instant Engine::Impl::next_turn() const {
    return std::min(probes_.next_turn(), resets_.next_turn());
}

bool Engine::Impl::take_probes(Instant now, unsigned places) {
    return probes_.rate.take(now, reaper::Urgency::ordinary, places, false);
}

void Engine::Impl::on_unsent(Instant now, const tcp::Segment& segment, bool counted) {
    const std::uint32_t slot = table_.find(flow::Key::of(segment));
    if (slot == flow::kNoSlot) return;
    Record& record = table_[slot];
    const tcp::Role side = record.role_of(segment.destination);
    const bool rst = segment.any(tcp::flag::rst);
    const bool near_miss = rst && record.reaping.phase == flow::Phase::probing;  // it is counted nowhere
    if (const auto again = reaper::note_unsent(record, side, segment, timeouts(record).probe_interval, now))
        arm(slot, std::min(wheel_.wakes(slot), *again));
    if (near_miss) return;
    std::uint64_t& sent = rst ? counters.resets_sent : counters.probes_sent;
    ++(rst ? counters.resets_unsent : counters.probes_unsent);
    if (counted && sent > 0) --sent;
}

}  // namespace finwait::engine
