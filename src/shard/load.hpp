// What one shard's packets have cost, as it counts it itself. Packets are received and decided in bursts, and
// all of a burst get their verdict at once: so one look at the clock tells it of all of them.
#pragma once

#include "tcp/time.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace finwait::shard {

struct Load {
    /// Upper bounds, inclusive; one more bucket holds what waited longer.
    static constexpr std::array<Duration, 15> kBounds = {
        std::chrono::microseconds(1),   std::chrono::microseconds(2),   std::chrono::microseconds(5),
        std::chrono::microseconds(10),  std::chrono::microseconds(20),  std::chrono::microseconds(50),
        std::chrono::microseconds(100), std::chrono::microseconds(200), std::chrono::microseconds(500),
        std::chrono::milliseconds(1),   std::chrono::milliseconds(2),   std::chrono::milliseconds(5),
        std::chrono::milliseconds(10),  std::chrono::milliseconds(50),  std::chrono::milliseconds(100)};

    std::uint64_t accepted = 0;  // packets by verdict
    std::uint64_t released = 0;  // accepted, and their flows are left to the kernel's fast path
    std::uint64_t dropped = 0;
    std::array<std::uint64_t, kBounds.size() + 1> waited{};  // packets, by the time from receipt to verdict
    Duration waited_sum{0};

    void note_wait(Duration each, std::size_t packets) {
        const auto bound = std::ranges::lower_bound(kBounds, each);
        waited[static_cast<std::size_t>(bound - kBounds.begin())] += packets;
        waited_sum += each * static_cast<std::int64_t>(packets);
    }

    Load& operator+=(const Load& more) {
        accepted += more.accepted;
        released += more.released;
        dropped += more.dropped;
        for (std::size_t i = 0; i < waited.size(); ++i)
            waited[i] += more.waited[i];
        waited_sum += more.waited_sum;
        return *this;
    }
};

}  // namespace finwait::shard
