// Packets of many established flows, as the queue would hand them over: a burst at a time in one small buffer
// that stays in the cache, each packet the exact continuation of its flow. Deterministic.
#pragma once

#include "tcp/segment.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace finwait::bench {

enum class Kind : std::int64_t { v4, v6, mixed };
enum class Order : std::int64_t { sequential, random };
[[nodiscard]] std::string_view name(Kind kind);
[[nodiscard]] std::string_view name(Order order);

class Flows {
  public:
    static constexpr std::size_t kBurst = 64;
    using Packet = std::span<const std::uint8_t>;

    Flows(std::uint32_t count, Kind kind);
    [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(sent_.size()); }

    /// The handshake's three segments of flow `i`; `step` counts from 0.
    [[nodiscard]] tcp::Segment handshake(std::uint32_t i, unsigned step);
    /// Data with an acknowledgment, from either side in turns. Packets are valid until the next call.
    [[nodiscard]] std::span<const Packet> burst(Order order);
    /// The flows that the last burst's packets belong to.
    [[nodiscard]] std::span<const std::uint32_t> members() const { return members_; }

  private:
    [[nodiscard]] std::uint32_t pick(Order order);
    [[nodiscard]] tcp::Segment segment(std::uint32_t i, std::size_t from) const;

    Kind kind_;
    std::vector<std::array<std::uint32_t, 2>> sent_;  // by side: the next sequence number
    std::array<std::uint32_t, kBurst> members_{};
    std::array<std::array<std::uint8_t, 128>, kBurst> bytes_{};
    std::array<Packet, kBurst> packets_;
    std::uint32_t at_ = 0;
    std::uint64_t random_ = 88172645463325252U;
    std::size_t turn_ = 0;
};

}  // namespace finwait::bench
