#include "engine/line.hpp"

#include <algorithm>

namespace finwait::engine {

Line::Line(std::uint32_t per_second, std::size_t flows, std::pmr::memory_resource& memory)
    : rate(per_second), rings_{Ring(memory), Ring(memory), Ring(memory)} {
    for (Ring& ring : rings_)
        ring.slots.resize(std::clamp<std::size_t>(flows, 1, kMost));
}

bool Line::join(std::uint32_t slot, reaper::Urgency urgency) {
    Ring& ring = rings_[static_cast<std::size_t>(urgency)];
    if (ring.count == ring.slots.size()) return false;
    ring.slots[(ring.first + ring.count) % ring.slots.size()] = slot;
    ++ring.count;
    rate.joined(urgency);
    return true;
}

std::optional<std::uint32_t> Line::next(Instant now) {
    if (!rate.open(now)) return std::nullopt;
    for (std::size_t i = 0; i < rings_.size(); ++i) {
        Ring& ring = rings_[i];
        if (ring.count == 0) continue;
        const std::uint32_t slot = ring.slots[ring.first];
        ring.first = (ring.first + 1) % ring.slots.size();
        --ring.count;
        rate.left(static_cast<reaper::Urgency>(i));
        return slot;
    }
    return std::nullopt;
}

Instant Line::next_turn() const {
    const bool nobody = std::ranges::all_of(rings_, [](const Ring& ring) { return ring.count == 0; });
    return nobody ? Instant::never() : rate.next();
}

}  // namespace finwait::engine
