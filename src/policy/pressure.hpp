// A table that fills up shortens its timeouts, as pf's adaptive timeouts do (pf.conf(5), "adaptive.start"):
// from a share of the limit on they shrink linearly, and would reach zero at another share, which may lie
// beyond the limit itself.
#pragma once

#include "policy/timeouts.hpp"

#include <cstdint>

namespace finwait::policy {

/// As shares of the limit; `end` is greater than `start`.
struct Pressure {
    double start = 0.6;  // up to here timeouts are as configured; kNoPressure: always
    double end = 1.2;    // nothing would be left of them here

    friend bool operator==(const Pressure&, const Pressure&) = default;
};

/// As `start`: timeouts never shrink.
inline constexpr double kNoPressure = 1e9;

/// What a fill level leaves of the timeouts, in steps, so that they do not change with every flow.
class Squeeze {
  public:
    static constexpr std::uint32_t kSteps = 32;

    /// How many of kSteps are left with `flows` of `limit` in the table.
    [[nodiscard]] static std::uint32_t steps_left(std::uint64_t flows, std::uint64_t limit,
                                                  const Pressure& pressure);
    /// `timeouts` with `left` of kSteps left of each; what is off stays off. fin_wait_2_max and alive_max,
    /// which end what both sides may still use, stay as they are, and so does fin_wait_2 where it ends a
    /// connection without asking: others must not be able to bring that about.
    [[nodiscard]] static Timeouts applied(const Timeouts& timeouts, std::uint32_t left);
};

}  // namespace finwait::policy
