// A rate limit and the flows that wait for it: in the order in which they came, the more urgent ones first. A
// flow that needs its place no more stays in its line and is passed over when its turn comes.
#pragma once

#include "reaper/pace.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <vector>

namespace finwait::engine {

class Line {
  public:
    /// Flows of one urgency that may wait; who comes when there are so many has to come again.
    static constexpr std::size_t kMost = 65'536;

    /// `flows`: how many there may be at all.
    Line(std::uint32_t per_second, std::size_t flows, std::pmr::memory_resource& memory);

    reaper::RateLimit rate;

    /// False when the line is full.
    [[nodiscard]] bool join(std::uint32_t slot, reaper::Urgency urgency);
    /// Takes out whose turn it is; empty when nobody waits or the rate does not allow it yet.
    [[nodiscard]] std::optional<std::uint32_t> next(Instant now);
    /// When next() will have somebody; never() when nobody waits.
    [[nodiscard]] Instant next_turn() const;

  private:
    /// First in, first out, in memory that is there from the beginning.
    struct Ring {
        explicit Ring(std::pmr::memory_resource& memory) : slots(&memory) {}
        std::pmr::vector<std::uint32_t> slots;
        std::size_t first = 0;
        std::size_t count = 0;
    };
    std::array<Ring, reaper::kUrgencies> rings_;
};

}  // namespace finwait::engine
