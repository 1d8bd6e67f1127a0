// Where a flow's record stands, by the hash of its key: open addressing, four bytes an entry, never more than
// three quarters full. Each entry holds a slot and eight bits of the hash, so that hardly ever a record is
// looked at that is not the one. Knows no keys: whoever asks compares them.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory_resource>
#include <vector>

namespace finwait::flow {

class Index {
  public:
    static constexpr std::uint32_t kSlots = (1U << 24U) - 1;  // slots are below

    /// For `limit` entries, 1 to kSlots.
    Index(std::uint32_t limit, std::pmr::memory_resource& memory)
        : mask_(std::bit_ceil(std::max<std::size_t>(limit, 8) * 4 / 3) - 1),
          entries_(mask_ + 1, kEmpty, &memory) {}

    /// The slot under `hash` for which `is_it(slot)` holds; kSlots when there is none.
    template<typename IsIt>
    [[nodiscard]] std::uint32_t find(std::uint64_t hash, IsIt is_it) const {
        for (std::size_t i = home(hash);; i = next(i)) {
            const std::uint32_t entry = entries_[i];
            if (entry == kEmpty) return kSlots;
            if (entry >> kSlotBits == tag_of(hash) && is_it(entry & kSlots)) return entry & kSlots;
        }
    }

    /// The slot must not be there yet.
    void insert(std::uint64_t hash, std::uint32_t slot) {
        std::size_t i = home(hash);
        while (entries_[i] != kEmpty)
            i = next(i);
        entries_[i] = tag_of(hash) << kSlotBits | slot;
    }

    /// The slot must be there. `hash_of(slot)` tells any other's hash again.
    template<typename HashOf>
    void erase(std::uint64_t hash, std::uint32_t slot, HashOf hash_of) {
        std::size_t hole = home(hash);
        while ((entries_[hole] & kSlots) != slot)
            hole = next(hole);
        // Close the gap: an entry behind it may stand there only if its home does not lie behind the gap.
        for (std::size_t i = next(hole); entries_[i] != kEmpty; i = next(i)) {
            const std::size_t wanted = home(hash_of(entries_[i] & kSlots));
            if (((i - wanted) & mask_) < ((i - hole) & mask_)) continue;
            entries_[hole] = entries_[i];
            hole = i;
        }
        entries_[hole] = kEmpty;
    }

    /// Brings the place of `hash` into the cache.
    void prefetch(std::uint64_t hash) const { __builtin_prefetch(&entries_[home(hash)]); }
    /// The slot that is most likely the one; kSlots when there is none.
    [[nodiscard]] std::uint32_t guess(std::uint64_t hash) const {
        return find(hash, [](std::uint32_t) { return true; });
    }

  private:
    static constexpr unsigned kSlotBits = 24;
    static constexpr std::uint32_t kEmpty = UINT32_MAX;

    [[nodiscard]] std::size_t home(std::uint64_t hash) const { return hash & mask_; }
    [[nodiscard]] std::size_t next(std::size_t i) const { return (i + 1) & mask_; }
    [[nodiscard]] static std::uint32_t tag_of(std::uint64_t hash) {
        return static_cast<std::uint32_t>(hash >> 56U);
    }

    std::size_t mask_;
    std::pmr::vector<std::uint32_t> entries_;
};

}  // namespace finwait::flow
