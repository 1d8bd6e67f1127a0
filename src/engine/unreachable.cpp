// ICMP errors: finding the flow of what they quote.

#include "engine/impl.hpp"

namespace finwait::engine {

bool Engine::Impl::follows(const tcp::Unreachable& error) const {
    return table_.find(flow::Key::of(error.source, error.destination)) != flow::kNoSlot;
}

Verdict Engine::Impl::on_unreachable(const tcp::Unreachable& error) {
    ++counters.packets_seen;
    const std::uint32_t slot = table_.find(flow::Key::of(error.source, error.destination));
    if (slot == flow::kNoSlot) return Verdict::accept;
    Record& record = table_[slot];
    const tcp::Role side = other(record.role_of(error.source));
    const reaper::Heard heard = reaper::hear_unreachable(record, side, error.seq);
    if (heard == reaper::Heard::nothing) return Verdict::accept;
    ++counters.probes_unreachable;
    return heard == reaper::Heard::consume ? Verdict::drop : Verdict::accept;
}

}  // namespace finwait::engine
