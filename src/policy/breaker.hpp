// A circuit breaker: a policy that would end more than its share of the table within a minute is more likely
// wrong than right, and is stopped until an operator has looked.
#pragma once

#include "tcp/time.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace finwait::policy {

/// As share: never opens.
inline constexpr double kNoBreaker = 1.0;

class Breaker {
  public:
    /// Fewer ends than this within a minute are never too many, however small the table.
    static constexpr std::uint64_t kFloor = 500;

    /// Takes note of one more end, of a table that holds `flows` now; its size is the most that it has held
    /// within the minute. False when that is one too many: then the breaker is open, and the end must not
    /// happen.
    [[nodiscard]] bool admit(Instant now, std::uint64_t flows, double share);
    [[nodiscard]] bool open() const { return open_; }
    void close();

    /// Ends within the last minute, counted in steps of five seconds.
    [[nodiscard]] std::uint64_t recent(Instant now);

  private:
    static constexpr Duration kStep = std::chrono::seconds(5);
    static constexpr std::size_t kSteps = 12;

    struct Step {
        std::uint64_t ends = 0;
        std::uint64_t flows = 0;  // the most at any of them
    };

    void forget_old(Instant now);

    std::array<Step, kSteps> steps_{};
    std::int64_t newest_ = 0;
    bool open_ = false;
};

}  // namespace finwait::policy
