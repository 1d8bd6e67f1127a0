// Where and when a state file was written: what must be the same for its flows to be found again where they
// were.
#pragma once

#include "tcp/time.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace finwait::state {

struct Origin {
    std::string boot;             // the kernel's boot id: with it end the monotonic clock and NFQUEUE's hash
    std::uint64_t network = 0;    // the network namespace's inode
    std::uint32_t mark_mask = 0;  // which bit says that a flow is queued
    bool all_packets = false;
    std::uint8_t scope = 0;  // the configured one, and below whether loopback belongs to it
    bool loopback = false;
    std::uint16_t first_queue = 0;
    std::uint16_t queues = 0;
    std::uint8_t backend = 0;  // the configured one
    std::uint8_t spread = 0;   // the same
    /// The kernel's modules that spread flows over queues (iptables', nftables'), by the inodes that they
    /// got in /sys when they were loaded; 0: not loaded, or built in. Each loading draws another hash key.
    std::uint64_t spreaders[2] = {0, 0};

    Instant at;             // by the monotonic clock
    std::int64_t wall = 0;  // nanoseconds since 1970: goes on while the machine sleeps
};

/// Fills in what the kernel says, and the time.
void ask_system(Origin& origin);

/// Why flows of `then` must not be taken over by who is as `now`; empty: they may be.
[[nodiscard]] std::optional<std::string> mismatch(const Origin& then, const Origin& now);

/// How long ago it was, by whichever clock says more.
[[nodiscard]] Duration since(const Origin& then, const Origin& now);

/// What is older is not used: conntrack, and the sides' own timers, have moved on by then.
inline constexpr Duration kOldest = std::chrono::minutes(10);

}  // namespace finwait::state
