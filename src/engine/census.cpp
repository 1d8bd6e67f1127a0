#include "engine/census.hpp"

#include <algorithm>
#include <chrono>

namespace finwait::engine {

namespace {

/// What is said to have begun before the clock did, as conntrack may say, began with it.
std::int64_t second_of(Instant at) {
    return std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::seconds>(at.since_origin()).count(),
                                  0);
}

}  // namespace

std::uint64_t& Census::counter(std::int64_t second) {
    return second <= newest_ - kSeconds ? older_ : begun_[static_cast<std::size_t>(second % kSeconds)];
}

/// Each second that comes takes the place of the one that is now too old to be told apart.
void Census::advance_to(std::int64_t second) {
    const std::int64_t steps = std::min(second - newest_, kSeconds);
    for (std::int64_t i = 1; i <= steps; ++i) {
        std::uint64_t& place = begun_[static_cast<std::size_t>((newest_ + i) % kSeconds)];
        older_ += place;
        place = 0;
    }
    newest_ = std::max(newest_, second);
}

void Census::add(tcp::Role closer, Instant since) {
    advance_to(second_of(since));
    ++counter(second_of(since));
    ++by_closer_[tcp::index(closer)];
}

void Census::remove(tcp::Role closer, Instant since) {
    --counter(second_of(since));
    --by_closer_[tcp::index(closer)];
}

policy::Lasting Census::ages(Instant now) const {
    policy::Lasting ages;
    ages.add(policy::kLastingBounds.back() + std::chrono::seconds(1), older_);
    for (std::int64_t second = newest_ - kSeconds + 1; second <= newest_; ++second) {
        const std::uint64_t count = begun_[static_cast<std::size_t>(second % kSeconds)];
        if (count > 0)
            ages.add(std::chrono::seconds(std::max<std::int64_t>(second_of(now) - second, 0)), count);
    }
    return ages;
}

}  // namespace finwait::engine
