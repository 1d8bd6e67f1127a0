// Keeps conntrack from forgetting half-closed flows, and their NAT mapping and our mark with them: it gives
// their entries more time before their own runs out. Any segment of a flow, an answer to a probe too, sets an
// entry's time back to what the system has for its state: so the entries themselves are looked at, again and
// again.
#pragma once

#include "netfilter/conntrack.hpp"
#include "shard/poll.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace finwait::shard {

class Keeping {
  public:
    /// `mark`: these bits are set in the mark of whatever is half-closed; 0: nobody knows.
    Keeping(Shards shards, const std::atomic<bool>& stop, std::uint32_t mark)
        : shards_(shards), stop_(stop), mark_(mark) {}

    /// One pass: entries of half-closed flows that end within `soon` get `more`. So do those that conntrack
    /// takes for over, and their state is put right.
    [[nodiscard]] std::optional<netfilter::ConntrackError> pass(std::chrono::seconds soon,
                                                                std::chrono::seconds more);

  private:
    void extend(netfilter::Conntrack& changing, std::chrono::seconds soon, std::chrono::seconds more);
    void put_right(netfilter::Conntrack& changing, const std::vector<netfilter::Tracked>& misled,
                   std::chrono::seconds soon, std::chrono::seconds more);

    Shards shards_;
    const std::atomic<bool>& stop_;
    std::uint32_t mark_;
    std::vector<netfilter::Tracked> batch_;
};

}  // namespace finwait::shard
