// The shards' clock: CLOCK_MONOTONIC, which no administrator turns back.
#pragma once

#include "tcp/time.hpp"

#include <chrono>

namespace finwait::shard {

[[nodiscard]] inline Instant monotonic_now() {
    return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

}  // namespace finwait::shard
