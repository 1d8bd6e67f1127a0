// What outlives the engine: flows as bytes, and back.

#include "engine/impl.hpp"

namespace finwait::engine {

std::optional<std::uint32_t> Engine::Impl::save(Instant now, std::uint32_t cursor, std::uint32_t slots,
                                                std::vector<std::uint8_t>& batch) const {
    const std::uint32_t end = table_.slots();
    const std::uint32_t stop = cursor + std::min(slots, end - std::min(cursor, end));
    OctetWriter out(batch);
    out.put(table_.generations());
    for (std::uint32_t slot = cursor; slot < stop; ++slot) {
        if (!table_.live(slot)) continue;
        Record record = table_.look(slot);
        doubt(record);
        write_record(out, slot, record, now);
    }
    if (stop >= end) return std::nullopt;
    return stop;
}

std::uint32_t Engine::Impl::restore(Instant now, Instant saved,
                                    std::span<const std::span<const std::uint8_t>> batches) {
    static_cast<void>(wheel_.pop(now));  // it is empty: only its time is set
    for (const auto batch : batches) {
        OctetReader in(batch);
        table_.begin_after(in.take<std::uint32_t>());
        while (in.ok() && in.left() > 0) {
            const Kept kept = read_record(in, saved);
            const std::uint32_t slot = in.ok() ? slot_for(kept) : flow::kNoSlot;
            if (slot != flow::kNoSlot) take_over(now, slot, kept.record);
        }
    }
    note_fill();
    count_sources_anew();
    return table_.size();
}

/// Its own slot, so that it keeps its name; another one when the table has become smaller.
std::uint32_t Engine::Impl::slot_for(const Kept& kept) {
    if (table_.insert_at(kept.slot, kept.record.generation, kept.record.key)) return kept.slot;
    if (kept.slot < table_.limit() || table_.find(kept.record.key) != flow::kNoSlot) return flow::kNoSlot;
    return table_.insert(kept.record.key);
}

/// Segments have passed unseen since it was saved, so its numbers hold no longer than until it is heard.
/// Policies may be others now: it is matched as after a reload.
void Engine::Impl::take_over(Instant now, std::uint32_t slot, const Record& kept) {
    Record& record = table_[slot];
    const std::uint32_t generation = record.generation;
    record = kept;
    record.generation = generation;
    record.losses = losses_;
    tcp::note_gap(record.connection);
    const Stage s = stage(record);
    record.half_closed = s == Stage::half_closed;
    if (record.half_closed) count_half_closed(record, record.half_closed_at);
    if (record.connection.released) ++released_now_;
    if (record.unheard) ++unheard_now_;
    count_states(record.connection, 1);
    ++policy_counts_[0].flows;
    match_policy(now, record);
    table_.shelve(slot, shelf_for(s));
    arm(slot, deadline(record, s));
    table_.lay_down(slot);
}

}  // namespace finwait::engine
