// IP addresses and endpoints as values. IPv4 is kept in its IPv4-mapped IPv6 form (RFC 4291 section 2.5.5.2),
// so that one type serves both; the text forms are the usual ones (RFC 5952).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace finwait::tcp {

class Address {
  public:
    constexpr Address() = default;

    [[nodiscard]] static constexpr Address v4(std::span<const std::uint8_t, 4> network_order) {
        Address a;
        std::ranges::copy(kMappedPrefix, a.bytes_.begin());
        std::ranges::copy(network_order, a.bytes_.begin() + kMappedPrefix.size());
        return a;
    }
    [[nodiscard]] static constexpr Address v6(std::span<const std::uint8_t, 16> network_order) {
        Address a;
        std::ranges::copy(network_order, a.bytes_.begin());
        return a;
    }
    /// Reads "192.0.2.1" or "2001:db8::1"; empty when it is neither.
    [[nodiscard]] static std::optional<Address> parse(std::string_view text);

    [[nodiscard]] constexpr bool is_v4() const {
        return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes_.begin());
    }
    /// All 16 bytes, IPv4-mapped for IPv4.
    [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
    /// The last four bytes: an IPv4 address in network order.
    [[nodiscard]] std::span<const std::uint8_t, 4> v4_bytes() const { return std::span(bytes_).last<4>(); }
    [[nodiscard]] std::string text() const;

    friend constexpr bool operator==(const Address&, const Address&) = default;
    /// In the order of their bytes. Every segment is compared so, twice: by words, not bytes.
    friend constexpr std::strong_ordering operator<=>(const Address& a, const Address& b) {
        const auto [a_high, a_low] = a.words();
        const auto [b_high, b_low] = b.words();
        return a_high != b_high ? a_high <=> b_high : a_low <=> b_low;
    }

  private:
    static constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    /// As numbers, which sort as the bytes do.
    [[nodiscard]] constexpr std::array<std::uint64_t, 2> words() const {
        const auto [high, low] = std::bit_cast<std::array<std::uint64_t, 2>>(bytes_);
        if constexpr (std::endian::native == std::endian::little)
            return {__builtin_bswap64(high), __builtin_bswap64(low)};
        else
            return {high, low};
    }

    std::array<std::uint8_t, 16> bytes_{};
};

struct Endpoint {
    Address address;
    std::uint16_t port = 0;

    /// "192.0.2.1:80" or "[2001:db8::1]:80".
    [[nodiscard]] std::string text() const;
    friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace finwait::tcp
