#include "tcp/checksum.hpp"

#include <array>
#include <cstdint>
#include <cstring>

namespace finwait::tcp {

namespace {

/// In the machine's byte order, in which the sum is the same but for its own order (RFC 1071 section 2).
std::uint64_t sum_of(Bytes bytes) {
    std::uint64_t sum = 0;
    for (; bytes.size() >= 4; bytes = bytes.subspan(4)) {
        std::uint32_t word = 0;
        std::memcpy(&word, bytes.data(), sizeof word);
        sum += word;
    }
    std::uint32_t rest = 0;
    if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
    return sum + rest;
}

}  // namespace

bool adds_up(const Address& source, const Address& destination, Bytes segment) {
    constexpr std::uint8_t kTcp = 6;
    const std::array<std::uint8_t, 4> rest = {0, kTcp, static_cast<std::uint8_t>(segment.size() >> 8U),
                                              static_cast<std::uint8_t>(segment.size())};
    // The prefix under which an IPv4 address is kept is ones, which add nothing.
    std::uint64_t sum = sum_of(source.bytes()) + sum_of(destination.bytes()) + sum_of(rest) + sum_of(segment);
    while (sum > 0xFFFF)
        sum = (sum >> 16U) + (sum & 0xFFFFU);
    return sum == 0xFFFF;
}

}  // namespace finwait::tcp
