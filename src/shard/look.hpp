// A look at the whole of conntrack's table after segments have passed unseen: every shard is told what
// conntrack believes of its flows, and the half-closed connections that no shard knows are stirred, so that
// they are heard of where they belong. For a thread of its own, for no packet shall wait for it.
#pragma once

#include "engine/belief.hpp"
#include "netfilter/conntrack.hpp"
#include "shard/poll.hpp"

#include <atomic>
#include <cstddef>
#include <optional>
#include <random>
#include <set>
#include <vector>

namespace finwait::shard {

class Look {
  public:
    /// `stop` may become true at any time, and ends it soon; shards may then have stopped.
    Look(Shards shards, const std::atomic<bool>& stop) : shards_(shards), stop_(stop) {}

    /// What went wrong, if anything did; shards do not forget what they were not told of then.
    [[nodiscard]] std::optional<netfilter::ConntrackError> take();

  private:
    struct Seen {
        engine::Hint hint;
        netfilter::Translation translation;
    };
    [[nodiscard]] bool add(const netfilter::Tracked& entry);
    void tell();
    void stir(const Seen& seen);

    Shards shards_;
    const std::atomic<bool>& stop_;
    std::set<tcp::Address> own_addresses_;
    std::vector<Seen> batch_;
    Instant batch_begun_;
    /// The kernel reads its table a piece ahead: what is in a batch was so when the one before began, at the
    /// latest.
    Instant seen_;
    std::size_t stirred_ = 0;
    bool knows_ours_ = false;
    std::minstd_rand random_{std::random_device()()};
};

}  // namespace finwait::shard
