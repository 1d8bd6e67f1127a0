#include "flow/prefix.hpp"

namespace finwait::flow {

tcp::Address Prefixes::source_of(const tcp::Address& address) const {
    constexpr unsigned kMapped = 96;  // bits before an IPv4 address in its IPv4-mapped form
    const unsigned kept = address.is_v4() ? kMapped + ipv4 : ipv6;
    std::array<std::uint8_t, 16> bytes = address.bytes();
    for (unsigned i = 0; i < bytes.size(); ++i) {
        const unsigned before = 8 * i;
        if (before >= kept)
            bytes[i] = 0;
        else if (kept - before < 8)
            bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xffU << (8 - (kept - before))));
    }
    return tcp::Address::v6(bytes);
}

}  // namespace finwait::flow
