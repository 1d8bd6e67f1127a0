// The extension headers of an IPv6 packet (RFC 8200 section 4), walked up to the upper layer that is looked
// for.
#pragma once

#include "tcp/bytes.hpp"
#include "tcp/segment.hpp"

namespace finwait::tcp {

inline constexpr std::size_t kIpv6Header = 40;

struct Ipv6Walk {
    ParseError error = ParseError::none;
    std::size_t headers = kIpv6Header;  // bytes before the upper layer, all of them there
    std::size_t jumbo = 0;              // the jumbo payload length; 0 when there is none
    bool routed = false;                // by a routing header
};

/// `copied` holds a whole IPv6 header at least. Another upper layer than `upper` is ParseError::not_tcp.
[[nodiscard]] Ipv6Walk walk_extensions(Bytes copied, std::uint8_t upper);

}  // namespace finwait::tcp
