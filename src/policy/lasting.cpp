#include "policy/lasting.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace finwait::policy {

void Lasting::add(Duration d, std::uint64_t times) {
    const auto bound = std::ranges::lower_bound(kLastingBounds, d);
    buckets_[static_cast<std::size_t>(bound - kLastingBounds.begin())] += times;
}

Lasting& Lasting::operator+=(const Lasting& more) {
    for (std::size_t i = 0; i < kBuckets; ++i)
        buckets_[i] += more.buckets_[i];
    return *this;
}

std::uint64_t Lasting::count() const {
    return std::accumulate(buckets_.begin(), buckets_.end(), std::uint64_t{0});
}

std::optional<Duration> Lasting::bound_of(double share) const {
    const std::uint64_t all = count();
    if (all == 0) return std::nullopt;
    const auto wanted = static_cast<std::uint64_t>(std::ceil(static_cast<double>(all) * share));
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < kLastingBounds.size(); ++i) {
        below += buckets_[i];
        if (below >= wanted) return kLastingBounds[i];
    }
    return std::nullopt;
}

std::optional<Duration> suggested_fin_wait_2(const Lasting& longest_idle) {
    constexpr double kMost = 0.999;
    if (longest_idle.count() < kLeastSamples) return std::nullopt;
    return longest_idle.bound_of(kMost);
}

}  // namespace finwait::policy
