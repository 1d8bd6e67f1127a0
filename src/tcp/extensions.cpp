#include "tcp/extensions.hpp"

namespace finwait::tcp {
namespace {

/// IPv6 extension headers that may stand before the upper layer (RFC 8200 section 4, RFC 4302).
constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kFragment = 44;
constexpr std::uint8_t kAuthentication = 51;
constexpr std::uint8_t kDestination = 60;

/// RFC 8200 section 4.1 knows at most five before the upper layer; anything longer is not worth the time.
constexpr int kMaxExtensions = 8;

/// The jumbo payload length (RFC 2675) in a hop-by-hop header; 0 when there is none.
std::size_t jumbo_length(Bytes header) {
    constexpr std::uint8_t kPad1 = 0;
    constexpr std::uint8_t kJumbo = 0xC2;
    std::size_t at = 2;
    while (at < header.size()) {
        if (header[at] == kPad1) {
            ++at;
            continue;
        }
        if (at + 1 >= header.size()) return 0;
        const std::size_t size = header[at + 1];
        if (at + 2 + size > header.size()) return 0;
        if (header[at] == kJumbo && size == 4) return read32(header, at + 2);
        at += 2 + size;
    }
    return 0;
}

}  // namespace

Ipv6Walk walk_extensions(Bytes copied, std::uint8_t upper) {
    Ipv6Walk walk;
    std::uint8_t next = copied[6];
    for (int seen = 0; next != upper; ++seen) {
        if (seen == kMaxExtensions) return {ParseError::not_tcp};
        const bool known = next == kHopByHop || next == kRouting || next == kFragment ||
                           next == kAuthentication || next == kDestination;
        if (!known) return {ParseError::not_tcp};
        if (copied.size() < walk.headers + 8) return {ParseError::truncated};
        const Bytes header = copied.subspan(walk.headers);
        std::size_t size = 8;
        if (next == kFragment) {
            constexpr std::uint16_t kOffsetOrMore = 0xFFF9;
            if ((read16(header, 2) & kOffsetOrMore) != 0) return {ParseError::fragment};
        } else if (next == kAuthentication) {
            size = (header[1] + std::size_t{2}) * 4;
        } else {
            size = (header[1] + std::size_t{1}) * 8;
        }
        if (size > header.size()) return {ParseError::truncated};
        if (next == kRouting) walk.routed = true;
        if (next == kHopByHop && walk.jumbo == 0) walk.jumbo = jumbo_length(header.first(size));
        next = header[0];
        walk.headers += size;
    }
    return walk;
}

}  // namespace finwait::tcp
