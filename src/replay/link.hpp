// What the link layer wraps around an IP packet in a capture: Ethernet with VLAN tags (IEEE 802.1Q, 802.1ad),
// Linux's cooked headers, the BSDs' loopback headers, or nothing at all.
#pragma once

#include "tcp/segment.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace finwait::replay {

/// For people: the link types that unwrap() knows.
inline constexpr std::string_view kLinkTypes = "Ethernet, Linux cooked (v1 and v2), raw IP and loopback";

/// `link_type` is a DLT_ value, here and below.
[[nodiscard]] bool is_known_link(int link_type);
/// "IEEE802_11 (802.11)", or its number when it has no name.
[[nodiscard]] std::string link_text(int link_type);

struct Unwrapped {
    tcp::ParseError error = tcp::ParseError::none;  // truncated, or not_ip
    std::span<const std::uint8_t> packet;           // from its IP header on
    std::size_t wire_length = 0;                    // without the link header
};

/// Takes the link header off a frame of which `frame` was captured and `wire_length` bytes were sent.
[[nodiscard]] Unwrapped unwrap(int link_type, std::span<const std::uint8_t> frame, std::size_t wire_length);

}  // namespace finwait::replay
