// Which packets are let go by unseen, because nothing that we sent about their connections would arrive as
// they do: what is bridged, what is in a VRF, and what is routed by more than a packet of ours can show.
#pragma once

#include "machine/detours.hpp"
#include "netfilter/queue.hpp"
#include "tcp/segment.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>

namespace finwait::shard {

enum class Reason : std::uint8_t { none, bridged, vrf, rule };
inline constexpr std::size_t kReasons = 4;

class Aside {
  public:
    /// Called when there is a reason for the first time; must not wait.
    using Tell = std::function<void(Reason)>;

    void tell(Tell tell) { tell_ = std::move(tell); }
    void avoid(machine::Detours detours) { detours_ = std::move(detours); }

    /// Why to let a packet go by; counts it. `segment` is null when it is none.
    [[nodiscard]] Reason check(const netfilter::QueuedPacket& packet, const tcp::Segment* segment);
    /// May be asked on any thread.
    [[nodiscard]] std::uint64_t count(Reason reason) const {
        return counts_[static_cast<std::size_t>(reason)].load(std::memory_order_relaxed);
    }

  private:
    [[nodiscard]] Reason reason(const netfilter::QueuedPacket& packet, const tcp::Segment* segment) const;

    machine::Detours detours_;
    Tell tell_;
    std::array<std::atomic<std::uint64_t>, kReasons> counts_{};
};

/// For an operator: what is left alone, why, and what to do.
[[nodiscard]] std::string_view explanation(Reason reason);

}  // namespace finwait::shard
