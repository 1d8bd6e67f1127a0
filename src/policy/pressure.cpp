#include "policy/pressure.hpp"

#include <algorithm>
#include <cmath>

namespace finwait::policy {

namespace {

/// No timeout shrinks below this: handshakes and last acknowledgments need a round trip.
constexpr Duration kLeast = std::chrono::seconds(1);

}  // namespace

std::uint32_t Squeeze::steps_left(std::uint64_t flows, std::uint64_t limit, const Pressure& pressure) {
    const double fill = static_cast<double>(flows) / static_cast<double>(std::max<std::uint64_t>(limit, 1));
    if (fill <= pressure.start) return kSteps;
    const double left = (pressure.end - fill) / (pressure.end - pressure.start);
    return static_cast<std::uint32_t>(std::ceil(std::clamp(left, 0.0, 1.0) * kSteps));
}

Timeouts Squeeze::applied(const Timeouts& timeouts, std::uint32_t left) {
    Timeouts out = timeouts;
    if (left >= kSteps) return out;
    for (Duration* d :
         {&out.handshake, &out.established, &out.fin_wait_1, &out.fin_wait_2, &out.closing, &out.time_wait})
        if (*d != kOff) *d = std::min(*d, std::max(kLeast, *d / kSteps * left));
    if (out.on_expiry == OnExpiry::reset) out.fin_wait_2 = timeouts.fin_wait_2;
    return out;
}

}  // namespace finwait::policy
