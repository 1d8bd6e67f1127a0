// The last steps of a flow's two sides, and what proved each: so that an operator can be shown why.
#pragma once

#include "tcp/seq.hpp"
#include "tcp/state.hpp"
#include "tcp/time.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace finwait::flow {

/// One side's move into `state`, and the segment that proved it. `from` is that segment's sender; without
/// flags no segment did: a timer or a reset of ours.
struct Step {
    Instant at;
    tcp::Seq seq;
    tcp::Seq ack;
    std::uint32_t length = 0;
    tcp::Role side = tcp::Role::client;
    tcp::State state = tcp::State::unknown;
    tcp::Role from = tcp::Role::client;
    std::uint8_t flags = 0;
};

/// The newest steps, the oldest of them overwritten.
class Trail {
  public:
    static constexpr std::size_t kCapacity = 8;

    void add(const Step& step) {
        if (count_ == std::numeric_limits<std::uint32_t>::max()) stop_counting();
        steps_[count_++ % kCapacity] = step;
    }
    /// What was the client's is the server's from now on, and the other way round.
    void turn_round() {
        for (Step& step : steps_) {
            step.side = tcp::other(step.side);
            step.from = tcp::other(step.from);
        }
    }
    /// There were `steps` before the first one that is added; which ones is not known.
    void begin_after(std::uint32_t steps) { count_ = unknown_ = steps; }
    [[nodiscard]] std::size_t size() const { return std::min<std::size_t>(count_ - unknown_, kCapacity); }
    /// The i-th of those that are left, oldest first.
    [[nodiscard]] const Step& operator[](std::size_t i) const {
        return steps_[(count_ - size() + i) % kCapacity];
    }
    /// How many steps there have been in all, or some number beyond 2^32 - 9 if there were more than that.
    [[nodiscard]] std::uint32_t total() const { return count_; }

  private:
    /// One round back, so that each step stays in its place.
    void stop_counting() {
        constexpr auto kRound = static_cast<std::uint32_t>(kCapacity);
        count_ -= kRound;
        if (unknown_ >= kRound) unknown_ -= kRound;
    }

    std::array<Step, kCapacity> steps_{};
    std::uint32_t count_ = 0;
    std::uint32_t unknown_ = 0;  // of these the first ones, which are not kept
};

}  // namespace finwait::flow
