#include "policy/breaker.hpp"

#include <algorithm>

namespace finwait::policy {

namespace {

constexpr Duration kMinute = std::chrono::minutes(1);

}  // namespace

void SourceEnds::add(Instant now, std::uint64_t source) {
    const std::int64_t minute = (now - Instant()) / kMinute;
    if (minute != minute_) {
        previous_ = minute == minute_ + 1 ? current_ : Minute{};
        current_ = {};
        minute_ = minute;
    }
    ++current_[source % kBuckets];
}

std::uint64_t SourceEnds::within_a_minute(Instant now, std::uint64_t source) const {
    const std::size_t bucket = source % kBuckets;
    const std::int64_t minute = (now - Instant()) / kMinute;
    const auto left = static_cast<std::uint64_t>((kMinute - (now - Instant()) % kMinute).count());
    const auto part = [&](std::uint64_t ends) {
        return ends * left / static_cast<std::uint64_t>(kMinute.count());
    };
    if (minute == minute_) return current_[bucket] + part(previous_[bucket]);
    return minute == minute_ + 1 ? part(current_[bucket]) : 0;
}

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

Admission Breaker::admit(Instant now, std::uint64_t flows, double share, std::uint64_t source) {
    if (open_) return Admission::stopped;
    const std::uint64_t ends = recent(now) + 1;
    Step& step = steps_[static_cast<std::size_t>(newest_) % kSteps];
    step.flows = std::max(step.flows, flows);
    if (share < kNoBreaker) {
        const std::uint64_t most = std::ranges::max(steps_, {}, &Step::flows).flows;
        const auto shared = static_cast<std::uint64_t>(share * static_cast<double>(most));
        const std::uint64_t allowed = std::max(kFloor, shared);
        if (by_source_.within_a_minute(now, source) >= allowed / kSourcePart) return Admission::source_full;
        open_ = ends > allowed;
        if (open_) return Admission::stopped;
        by_source_.add(now, source);
    }
    ++step.ends;
    return Admission::admitted;
}

void Breaker::close() {
    *this = {};
}

}  // namespace finwait::policy
