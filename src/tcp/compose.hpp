// Segment → bytes: an IP packet with right checksums, for injection, tests and the simulator. No payload is
// invented: it writes `payload`, whose size must be the segment's length.
#pragma once

#include "tcp/segment.hpp"

#include <array>
#include <cstdint>
#include <span>

namespace finwait::tcp {

/// Room for IPv6 (40), TCP (20) and all options (40), with some payload for tests.
inline constexpr std::size_t kMaxComposed = 256;
using PacketBuffer = std::array<std::uint8_t, kMaxComposed>;

/// Writes the packet, the options named in `segment.options` included, into `out` and returns its length;
/// 0 when it does not fit. IPv4 when both addresses are IPv4.
[[nodiscard]] std::size_t compose(const Segment& segment, std::span<const std::uint8_t> payload,
                                  std::span<std::uint8_t> out);

}  // namespace finwait::tcp
