// A look at the whole of conntrack's table after segments have passed unseen: every shard is told what
// conntrack believes of its flows, and the half-closed connections that no shard knows are stirred, so that
// they are heard of where they belong. For a thread of its own, for no packet shall wait for it.
#pragma once

#include "engine/belief.hpp"
#include "netfilter/conntrack.hpp"
#include "shard/poll.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <vector>

namespace finwait::shard {

/// Who makes conntrack track. Without any rule that needs it, it sees nothing, and its table is what it was.
enum class Tracks : std::uint8_t {
    by_our_rules,
    by_others,  // if at all
};

/// Whether conntrack has seen a segment of this connection within the last second or two. `established`: for
/// how long it remembers one that is established.
[[nodiscard]] bool just_seen(const netfilter::Tracked& entry, std::chrono::seconds established);

class Look {
  public:
    /// `stop` may become true at any time, and ends it soon; shards may then have stopped. `tracks`: what
    /// makes sure that conntrack sees what passes.
    Look(Shards shards, Tracks tracks, const std::atomic<bool>& stop)
        : shards_(shards), tracks_(tracks), stop_(stop) {}

    /// What went wrong, if anything did; shards do not forget what they were not told of then.
    [[nodiscard]] std::optional<netfilter::ConntrackError> take();

  private:
    struct Seen {
        engine::Hint hint;
        netfilter::Translation translation;
        bool fresh;
    };
    [[nodiscard]] bool add(const netfilter::Tracked& entry);
    void tell();
    void stir(const Seen& seen);

    Shards shards_;
    Tracks tracks_;
    const std::atomic<bool>& stop_;
    std::set<tcp::Address> own_addresses_;
    std::vector<Seen> batch_;
    Instant batch_begun_;
    /// The kernel reads its table a piece ahead: what is in a batch was so when the one before began, at the
    /// latest.
    Instant seen_;
    std::size_t stirred_ = 0;
    std::chrono::seconds established_{0};
    bool sees_ours_ = false;
    std::minstd_rand random_{std::random_device()()};
};

}  // namespace finwait::shard
