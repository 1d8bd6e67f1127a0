#include "tcp/unreachable.hpp"

#include "tcp/bytes.hpp"
#include "tcp/extensions.hpp"

#include <algorithm>

namespace finwait::tcp {
namespace {

constexpr std::uint8_t kProtocolIcmp = 1;
constexpr std::uint8_t kProtocolTcp = 6;
constexpr std::uint8_t kProtocolIcmpv6 = 58;
constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIcmpHeader = 8;
constexpr std::size_t kQuotedTcp = 8;  // ports and sequence number

/// RFC 1122 section 3.2.2.1 and RFC 1812 section 5.2.7.1. Not 4, "fragmentation needed", which asks for
/// smaller packets; nor 8, which is obsolete, nor what is above 13, which is about precedence.
bool is_unreachable_v4(Bytes icmp) {
    const std::uint8_t type = icmp[0];
    const std::uint8_t code = icmp[1];
    return type == 3 && code <= 13 && code != 4 && code != 8;
}

bool is_unreachable_v6(Bytes icmp) {
    return icmp[0] == 1;
}

/// What of an IPv4 packet stands behind its header, if that is of `protocol`.
std::optional<Bytes> behind_v4(Bytes packet, std::uint8_t protocol) {
    constexpr std::uint16_t kMoreOrOffset = 0x3FFF;
    if (packet.size() < kIpv4Header || packet[0] >> 4U != 4) return std::nullopt;
    const std::size_t header = (packet[0] & 0x0FU) * std::size_t{4};
    const bool whole = header >= kIpv4Header && packet.size() >= header;
    if (!whole || packet[9] != protocol || (read16(packet, 6) & kMoreOrOffset) != 0) return std::nullopt;
    return packet.subspan(header);
}

/// The same for IPv6.
std::optional<Bytes> behind_v6(Bytes packet, std::uint8_t protocol) {
    if (packet.size() < kIpv6Header || packet[0] >> 4U != 6) return std::nullopt;
    const Ipv6Walk walk = walk_extensions(packet, protocol);
    if (walk.error != ParseError::none) return std::nullopt;
    return packet.subspan(walk.headers);
}

std::optional<Unreachable> quoted(const Address& source, const Address& destination, Bytes tcp) {
    if (tcp.size() < kQuotedTcp) return std::nullopt;
    return Unreachable{{source, read16(tcp, 0)}, {destination, read16(tcp, 2)}, Seq(read32(tcp, 4))};
}

/// What the quoted header says of its packet's length is of no interest: most of that packet is not there.
std::optional<Unreachable> parse_v4(Bytes copied) {
    if (copied.size() < kIpv4Header) return std::nullopt;
    const std::size_t total = read16(copied, 2);
    const auto icmp = behind_v4(copied.first(std::min(copied.size(), total)), kProtocolIcmp);
    if (!icmp || icmp->size() < kIcmpHeader || !is_unreachable_v4(*icmp)) return std::nullopt;
    const Bytes packet = icmp->subspan(kIcmpHeader);
    const auto tcp = behind_v4(packet, kProtocolTcp);
    if (!tcp) return std::nullopt;
    return quoted(Address::v4(packet.subspan<12, 4>()), Address::v4(packet.subspan<16, 4>()), *tcp);
}

std::optional<Unreachable> parse_v6(Bytes copied) {
    if (copied.size() < kIpv6Header) return std::nullopt;
    const std::size_t total = kIpv6Header + read16(copied, 4);
    const auto icmp = behind_v6(copied.first(std::min(copied.size(), total)), kProtocolIcmpv6);
    if (!icmp || icmp->size() < kIcmpHeader || !is_unreachable_v6(*icmp)) return std::nullopt;
    const Bytes packet = icmp->subspan(kIcmpHeader);
    const auto tcp = behind_v6(packet, kProtocolTcp);
    if (!tcp) return std::nullopt;
    return quoted(Address::v6(packet.subspan<8, 16>()), Address::v6(packet.subspan<24, 16>()), *tcp);
}

}  // namespace

std::optional<Unreachable> parse_unreachable(std::span<const std::uint8_t> copied) {
    if (copied.empty()) return std::nullopt;
    switch (copied[0] >> 4U) {
        case 4: return parse_v4(copied);
        case 6: return parse_v6(copied);
        default: return std::nullopt;
    }
}

}  // namespace finwait::tcp
