// The shards' clock: CLOCK_MONOTONIC, which no administrator turns back. And their threads'.
#pragma once

#include "tcp/time.hpp"

#include <chrono>
#include <ctime>

namespace finwait::shard {

[[nodiscard]] inline Instant monotonic_now() {
    return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

/// How long the calling thread has kept a processor busy.
[[nodiscard]] inline Duration thread_time() {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

}  // namespace finwait::shard
