// Time as a value. The core holds no clock: whoever calls it says what time it is.
// An Instant counts from an origin that the caller chooses once (boot, a capture's first packet, zero).
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace finwait {

using Duration = std::chrono::nanoseconds;

[[nodiscard]] constexpr double in_seconds(Duration d) {
    return std::chrono::duration<double>(d).count();
}

class Instant {
  public:
    constexpr Instant() = default;
    constexpr explicit Instant(Duration since_origin) : since_origin_(since_origin) {}

    [[nodiscard]] constexpr Duration since_origin() const { return since_origin_; }
    [[nodiscard]] static constexpr Instant never() { return Instant(Duration::max()); }

    friend constexpr auto operator<=>(Instant, Instant) = default;
    friend constexpr Duration operator-(Instant a, Instant b) { return a.since_origin_ - b.since_origin_; }
    friend constexpr Instant operator-(Instant a, Duration d) { return Instant(a.since_origin_ - d); }
    /// Saturates at never(), so that an unlimited timeout stays unlimited.
    friend constexpr Instant operator+(Instant a, Duration d) {
        if (d > Duration::max() - a.since_origin_) return never();
        return Instant(a.since_origin_ + d);
    }

  private:
    Duration since_origin_{0};
};

}  // namespace finwait
