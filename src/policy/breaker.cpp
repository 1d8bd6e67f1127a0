#include "policy/breaker.hpp"

#include <algorithm>

namespace finwait::policy {

void Breaker::forget_old(Instant now) {
    const std::int64_t step = (now - Instant()) / kStep;
    const std::int64_t passed = std::clamp<std::int64_t>(step - newest_, 0, kSteps);
    for (std::int64_t i = 1; i <= passed; ++i)
        steps_[static_cast<std::size_t>(newest_ + i) % kSteps] = {};
    // After a long rest all of them are empty, and which is the newest is of no interest before.
    newest_ = std::max(newest_, step);
}

std::uint64_t Breaker::recent(Instant now) {
    forget_old(now);
    std::uint64_t sum = 0;
    for (const Step& s : steps_)
        sum += s.ends;
    return sum;
}

bool Breaker::admit(Instant now, std::uint64_t flows, double share) {
    if (open_) return false;
    const std::uint64_t ends = recent(now) + 1;
    Step& step = steps_[static_cast<std::size_t>(newest_) % kSteps];
    step.flows = std::max(step.flows, flows);
    const std::uint64_t most = std::ranges::max(steps_, {}, &Step::flows).flows;
    if (share < kNoBreaker && ends > kFloor &&
        static_cast<double>(ends) > share * static_cast<double>(most)) {
        open_ = true;
        return false;
    }
    ++step.ends;
    return true;
}

void Breaker::close() {
    *this = {};
}

}  // namespace finwait::policy
