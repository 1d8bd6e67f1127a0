// How long half-closes lasted and how long they were idle, as histograms: the evidence from which an operator
// chooses fin_wait_2.
#pragma once

#include "tcp/time.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace finwait::policy {

/// Upper bounds, inclusive; one more bucket holds what is longer.
inline constexpr std::array<Duration, 15> kLastingBounds = {
    std::chrono::seconds(1),  std::chrono::seconds(2),  std::chrono::seconds(5),  std::chrono::seconds(10),
    std::chrono::seconds(20), std::chrono::seconds(30), std::chrono::minutes(1),  std::chrono::minutes(2),
    std::chrono::minutes(5),  std::chrono::minutes(10), std::chrono::minutes(20), std::chrono::minutes(30),
    std::chrono::hours(1),    std::chrono::hours(2),    std::chrono::hours(4)};

class Lasting {
  public:
    static constexpr std::size_t kBuckets = kLastingBounds.size() + 1;

    void add(Duration d, std::uint64_t times = 1);
    Lasting& operator+=(const Lasting& more);

    [[nodiscard]] const std::array<std::uint64_t, kBuckets>& buckets() const { return buckets_; }
    [[nodiscard]] std::uint64_t count() const;
    /// The least bound that `share` of all do not exceed; empty when none does or when there are none.
    [[nodiscard]] std::optional<Duration> bound_of(double share) const;

  private:
    std::array<std::uint64_t, kBuckets> buckets_{};
};

/// A fin_wait_2 that would have let 99.9 % of the half-closes finish that did: the least bound which their
/// longest idle times do not exceed. Empty with fewer than `kLeastSamples` of them, or when no bound does.
inline constexpr std::uint64_t kLeastSamples = 20;
[[nodiscard]] std::optional<Duration> suggested_fin_wait_2(const Lasting& longest_idle);

}  // namespace finwait::policy
