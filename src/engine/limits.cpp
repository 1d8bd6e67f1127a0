// What does not concern one flow alone: the policies in force, the pressure of a table that fills up,
// breakers, and how many half-closed flows a source may hold.

#include "engine/impl.hpp"

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

namespace finwait::engine {

namespace {

/// Slots whose deadlines are looked at in one on_tick() after timeouts have become shorter.
constexpr std::uint32_t kSweepBudget = 4096;

}  // namespace

/// Puts the tuning's policies in force. What a policy has counted, and a breaker that has opened, stay with
/// its name. What needs memory comes first: without it the old policies stay.
void Engine::Impl::tune(Instant now, Tuning changed) {
    std::vector<PolicyCounts> counts(changed.policies.size());
    std::vector<policy::Breaker> breakers(changed.policies.size());
    timeouts_.reserve(changed.policies.size());
    for (std::size_t i = 0; i < counts.size(); ++i) {
        const auto same = [&](const policy::Policy& old) {
            return old.name == changed.policies[static_cast<std::uint8_t>(i)].name;
        };
        const auto found = std::ranges::find_if(tuning.policies, same);
        if (found == tuning.policies.end()) continue;
        const auto at = static_cast<std::size_t>(found - tuning.policies.begin());
        counts[i] = policy_counts_[at];
        counts[i].flows = 0;
        breakers[i] = breakers_[at];
    }
    const auto sources = std::pair(tuning.half_closed_per_source, tuning.source_prefixes);
    std::swap(tuning, changed);
    policy_counts_.swap(counts);
    breakers_.swap(breakers);
    squeeze(policy::Squeeze::steps_left(lasting(), table_.limit(), tuning.pressure));
    set_rates();
    const auto fallback = static_cast<std::uint8_t>(tuning.policies.size() - 1);
    for (Event& e : pending_)
        e.policy = std::min(e.policy, fallback);
    for (std::uint32_t slot = 0; slot < table_.slots(); ++slot) {
        if (!table_.live(slot)) continue;
        Record& record = table_[slot];
        record.policy = tuning.policies.match(subject(now, record));
        ++policy_counts_[record.policy].flows;
        record.reaping.reserved = false;
        arm(slot, deadline(record, stage(record)));
        table_.lay_down(slot);
    }
    if (sources != std::pair(tuning.half_closed_per_source, tuning.source_prefixes)) count_sources_anew();
}

void Engine::Impl::set_policies() {
    policy_counts_.assign(tuning.policies.size(), {});
    breakers_.assign(tuning.policies.size(), {});
    squeeze(policy::Squeeze::steps_left(lasting(), table_.limit(), tuning.pressure));
}

bool Engine::Impl::resume(std::string_view policy) {
    for (std::size_t i = 0; i < breakers_.size(); ++i) {
        if (tuning.policies[static_cast<std::uint8_t>(i)].name != policy) continue;
        breakers_[i].close();
        swept_ = 0;  // flows that wait for it look again
        return true;
    }
    return false;
}

std::vector<PolicyCounts> Engine::Impl::counts_by_policy() const {
    std::vector<PolicyCounts> out = policy_counts_;
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i].stopped = breakers_[i].open();
    return out;
}

/// What gives way at once when there is no room exerts no pressure: whoever floods the table with SYNs does
/// not shorten the time of anybody's connection.
std::uint32_t Engine::Impl::lasting() const {
    return table_.size() - table_.shelved();
}

/// One flow more or less lasts. Timeouts grow again only when it has shrunk well below a step's
/// edge, so that a table at the edge is not swept again and again.
void Engine::Impl::note_fill() {
    using policy::Squeeze;
    const std::uint32_t limit = table_.limit();
    const std::uint32_t left = Squeeze::steps_left(lasting(), limit, tuning.pressure);
    if (left == steps_left_) return;
    const std::uint32_t margin = limit / Squeeze::kSteps;
    if (left < steps_left_) {
        squeeze(left);
        swept_ = 0;
    } else if (Squeeze::steps_left(lasting() + margin, limit, tuning.pressure) > steps_left_) {
        squeeze(left);
    }
}

void Engine::Impl::squeeze(std::uint32_t steps_left) {
    steps_left_ = steps_left;
    timeouts_.clear();
    for (const policy::Policy& p : tuning.policies)
        timeouts_.push_back(policy::Squeeze::applied(p.timeouts, steps_left));
}

/// Brings deadlines forward, a few flows at a time.
void Engine::Impl::sweep() {
    const std::uint32_t end = std::min(swept_ + kSweepBudget, table_.slots());
    for (; swept_ < end; ++swept_) {
        if (!table_.live(swept_)) continue;
        const Record record = table_.look(swept_);
        arm(swept_, deadline(record, stage(record)));
    }
    if (swept_ >= table_.slots()) swept_ = flow::kNoSlot;
}

tcp::Address Engine::Impl::source_of(const Record& record, tcp::Role side) const {
    return tuning.source_prefixes.source_of(record.endpoint(side).address);
}

std::array<std::uint64_t, 2> Engine::Impl::hashes_of_sources(const Record& record) const {
    const auto hash = [&](tcp::Role side) {
        return table_.hash_of(flow::Key{{source_of(record, side), 0}, {}});
    };
    return {hash(tcp::Role::client), hash(tcp::Role::server)};
}

/// One more half-closed flow of a source. Where it is one too many, the flow between the same two that has
/// made no progress for longest is asked before its time.
void Engine::Impl::crowd(std::uint32_t slot) {
    const Record& record = table_[slot];
    const tcp::Role closer = record.server_closed ? tcp::Role::server : tcp::Role::client;
    sources_.add(slot, source_of(record, closer), source_of(record, other(closer)));
    if (!sources_.too_many(slot, tuning.half_closed_per_source)) return;
    const std::uint32_t victim = sources_.longest_idle(slot);
    sources_.remove(victim);
    table_[victim].reaping.crowded = true;
    ++counters.crowded;
    arm(victim, deadline(table_[victim], Stage::half_closed));
}

/// Counts all flows again, the longest without progress first; in the table's order where there is no memory
/// to sort them. Without memory to count by there is no limit, and counters say so.
void Engine::Impl::count_sources_anew() {
    sources_.clear();
    if (tuning.half_closed_per_source == 0) return;
    std::vector<std::uint32_t> order;
    try {
        sources_.prepare();
        order.reserve(table_.size());
    } catch (const std::bad_alloc&) {
        if (!sources_.prepared()) {
            ++counters.memory_refused;
            tuning.half_closed_per_source = 0;
        }
    }
    const bool sorts = order.capacity() >= table_.size();
    Record room;
    for (std::uint32_t slot = 0; slot < table_.slots(); ++slot) {
        if (!table_.live(slot)) continue;
        const Record& record = table_.look(slot, room);
        if (!record.half_closed || record.reaping.crowded) continue;
        if (sorts)
            order.push_back(slot);
        else if (tuning.half_closed_per_source > 0)
            crowd(slot);
    }
    std::ranges::sort(order, {}, [&](std::uint32_t slot) { return table_.look(slot, room).last_progress; });
    for (const std::uint32_t slot : order)
        crowd(slot);
    for (std::uint32_t slot = 0; slot < table_.slots(); ++slot)
        if (table_.live(slot)) table_.lay_down(slot);
}

}  // namespace finwait::engine
