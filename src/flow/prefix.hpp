// Which addresses count as one source: those that share a prefix. One IPv6 host has a whole /64 to choose its
// addresses from (RFC 4291 section 2.5.4, RFC 8981), so single IPv6 addresses tell nobody apart.
#pragma once

#include "tcp/address.hpp"

#include <cstdint>

namespace finwait::flow {

struct Prefixes {
    std::uint8_t ipv4 = 32;  // bits, 0 to 32
    std::uint8_t ipv6 = 64;  // bits, 0 to 128

    /// The first address of the source that `address` belongs to.
    [[nodiscard]] tcp::Address source_of(const tcp::Address& address) const;

    friend bool operator==(const Prefixes&, const Prefixes&) = default;
};

}  // namespace finwait::flow
