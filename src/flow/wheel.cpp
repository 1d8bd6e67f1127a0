#include "flow/wheel.hpp"

#include <algorithm>
#include <bit>

namespace finwait::flow {

namespace {

constexpr std::uint64_t kNoTick = UINT64_MAX;

/// Rounded up: when the tick has come, the deadline has passed.
std::uint64_t tick_at(Instant t) {
    const auto count = (t.since_origin() + Wheel::kTick - Duration(1)) / Wheel::kTick;
    return static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
}

}  // namespace

void Wheel::arm(std::uint32_t slot, Instant deadline) {
    if (deadline == Instant::never()) return;
    if (slot >= links_.size()) links_.resize(slot + 1);
    const std::uint64_t tick = std::max(tick_at(deadline), now_tick_ + 1);
    if (links_[slot].list != kIdle && tick_of(links_[slot].list) <= tick) return;
    cancel(slot);
    for (unsigned level = 0; level < kLevels; ++level) {
        const unsigned shift = level * kShift;
        const std::uint64_t here = now_tick_ >> shift;
        std::uint64_t granule = tick >> shift;
        const bool last = level + 1 == kLevels;
        if (granule - here >= kBuckets) {
            if (!last) continue;
            granule = here + kBuckets - 1;
        }
        push(slot, static_cast<std::uint16_t>(level * kBuckets + granule % kBuckets));
        occupied_[level] |= 1ULL << (granule % kBuckets);
        return;
    }
}

void Wheel::cancel(std::uint32_t slot) {
    if (slot >= links_.size() || links_[slot].list == kIdle) return;
    Link& link = links_[slot];
    const std::uint16_t list = link.list;
    if (link.previous == kNone)
        heads_[list] = link.next;
    else
        links_[link.previous].next = link.next;
    if (link.next != kNone) links_[link.next].previous = link.previous;
    if (heads_[list] == kNone && list != kDue) occupied_[list / kBuckets] &= ~(1ULL << (list % kBuckets));
    link = Link{};
}

/// When what hangs there fires.
std::uint64_t Wheel::tick_of(std::uint16_t list) const {
    if (list == kDue) return now_tick_;
    const unsigned shift = list / kBuckets * kShift;
    const std::uint64_t first = (now_tick_ >> shift) + 1;  // the bucket of now has been emptied
    return (first + (list - first) % kBuckets) << shift;
}

Instant Wheel::wakes(std::uint32_t slot) const {
    if (slot >= links_.size() || links_[slot].list == kIdle) return Instant::never();
    return Instant(kTick * static_cast<std::int64_t>(tick_of(links_[slot].list)));
}

void Wheel::push(std::uint32_t slot, std::uint16_t list) {
    Link& link = links_[slot];
    link.list = list;
    link.previous = kNone;
    link.next = heads_[list] & kNone;
    if (link.next != kNone) links_[link.next].previous = slot & kNone;
    heads_[list] = slot;
}

std::uint32_t Wheel::pop(Instant now) {
    const auto limit = static_cast<std::uint64_t>(std::max<std::int64_t>(now.since_origin() / kTick, 0));
    while (heads_[kDue] == kNone) {
        const std::uint64_t tick = next_tick();
        if (tick > limit) {
            now_tick_ = std::max(now_tick_, limit);
            return kNoSlot;
        }
        now_tick_ = tick;
        collect(tick);
    }
    const std::uint32_t slot = heads_[kDue];
    cancel(slot);
    return slot;
}

void Wheel::collect(std::uint64_t tick) {
    for (unsigned level = 0; level < kLevels; ++level) {
        const unsigned shift = level * kShift;
        if ((tick & ((1ULL << shift) - 1)) != 0) break;
        const std::uint64_t bucket = (tick >> shift) % kBuckets;
        const auto list = static_cast<std::uint16_t>(level * kBuckets + bucket);
        while (heads_[list] != kNone) {
            const std::uint32_t slot = heads_[list];
            cancel(slot);
            push(slot, kDue);
        }
    }
}

std::uint64_t Wheel::next_tick() const {
    std::uint64_t earliest = kNoTick;
    for (unsigned level = 0; level < kLevels; ++level) {
        if (occupied_[level] == 0) continue;
        const unsigned shift = level * kShift;
        const std::uint64_t first = (now_tick_ >> shift) + 1;
        const int ahead = std::countr_zero(std::rotr(occupied_[level], static_cast<int>(first % kBuckets)));
        earliest = std::min(earliest, (first + static_cast<std::uint64_t>(ahead)) << shift);
    }
    return earliest;
}

Instant Wheel::next() const {
    if (heads_[kDue] != kNone) return Instant(kTick * static_cast<std::int64_t>(now_tick_));
    const std::uint64_t tick = next_tick();
    if (tick == kNoTick) return Instant::never();
    return Instant(kTick * static_cast<std::int64_t>(tick));
}

}  // namespace finwait::flow
