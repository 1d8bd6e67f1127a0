// An ICMP or ICMPv6 error which says that a TCP segment could not be delivered (RFC 792, RFC 4443
// section 3.1), read from the bytes of its IP packet. It says so of the segment that it quotes. Knows nothing
// of flows or state. Never throws, never reads past what was copied.
#pragma once

#include "tcp/address.hpp"
#include "tcp/seq.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace finwait::tcp {

/// What the error quotes: the segment's sender, where it was to go, and its number.
struct Unreachable {
    Endpoint source;
    Endpoint destination;
    Seq seq;

    friend bool operator==(const Unreachable&, const Unreachable&) = default;
};

/// Empty when the packet is anything else, is truncated, or quotes no TCP segment's beginning. Of the segment
/// only its first eight bytes need to be there: routers may quote no more (RFC 792).
[[nodiscard]] std::optional<Unreachable> parse_unreachable(std::span<const std::uint8_t> copied);

}  // namespace finwait::tcp
