// A non-cascading timer wheel (Varghese, Lauck 1987; Linux's kernel/time/timer.c): arming and cancelling take
// constant time and allocate nothing. A far deadline fires early, by up to an eighth of its distance, and is
// armed again by whoever finds that it is not due yet; so every entry fires at its deadline or at most one
// tick later.
#pragma once

#include "flow/table.hpp"
#include "tcp/time.hpp"

#include <array>
#include <cstdint>
#include <memory_resource>
#include <vector>

namespace finwait::flow {

class Wheel {
  public:
    static constexpr Duration kTick = std::chrono::milliseconds(4);

    /// For slots below `capacity`.
    explicit Wheel(std::uint32_t capacity,
                   std::pmr::memory_resource& memory = *std::pmr::new_delete_resource())
        : links_(&memory) {
        links_.reserve(capacity);
    }

    /// Wakes `slot` at `deadline` or earlier; what is armed for it and fires before that stays. Never for
    /// Instant::never().
    void arm(std::uint32_t slot, Instant deadline);
    /// When the slot is woken: what it was armed for, or earlier; never() if it is not armed.
    [[nodiscard]] Instant wakes(std::uint32_t slot) const;
    void cancel(std::uint32_t slot);

    /// Takes one entry that fires at or before `now`; kNoSlot when there is none.
    [[nodiscard]] std::uint32_t pop(Instant now);
    /// When pop() may have something next; never() when nothing is armed.
    [[nodiscard]] Instant next() const;

  private:
    static constexpr unsigned kLevels = 8;
    static constexpr unsigned kBuckets = 64;
    static constexpr unsigned kShift = 3;  // each level is eight times coarser
    static constexpr std::uint16_t kDue = kLevels * kBuckets;
    static constexpr std::uint16_t kIdle = kDue + 1;

    static constexpr std::uint32_t kNone = (1U << 24U) - 1;  // slots are below
    struct Link {
        std::uint64_t next : 24 = kNone;
        std::uint64_t previous : 24 = kNone;
        std::uint64_t list : 16 = kIdle;
    };
    static_assert(sizeof(Link) == 8);

    void push(std::uint32_t slot, std::uint16_t list);
    [[nodiscard]] std::uint64_t tick_of(std::uint16_t list) const;
    void collect(std::uint64_t tick);
    [[nodiscard]] std::uint64_t next_tick() const;

    std::uint64_t now_tick_ = 0;
    std::array<std::uint64_t, kLevels> occupied_{};
    std::array<std::uint32_t, kDue + 1> heads_ = filled();
    std::pmr::vector<Link> links_;

    static constexpr std::array<std::uint32_t, kDue + 1> filled() {
        std::array<std::uint32_t, kDue + 1> heads{};
        heads.fill(kNone);
        return heads;
    }
};

}  // namespace finwait::flow
