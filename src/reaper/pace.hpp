// A rate limit that hands out places in time: whoever comes too early is told when its turn is (the generic
// cell rate algorithm, ITU-T I.371).
#pragma once

#include "tcp/time.hpp"

#include <algorithm>
#include <cstdint>

namespace finwait::reaper {

class Pace {
  public:
    /// `per_second` at least 1.
    explicit Pace(std::uint32_t per_second)
        : interval_(Duration(std::chrono::seconds(1)) / std::max(per_second, 1U)) {}

    /// Takes the next place. It may be used at once when it is not later than `now` plus a small burst.
    [[nodiscard]] Instant take(Instant now) {
        const Instant place = std::max(now, next_);
        next_ = place + interval_;
        return place;
    }

    /// Places this close are as good as now.
    static constexpr Duration kBurst = std::chrono::milliseconds(20);

  private:
    Duration interval_;
    Instant next_;
};

}  // namespace finwait::reaper
