// IP addresses and endpoints as values. IPv4 is kept in its IPv4-mapped IPv6 form (RFC 4291 section 2.5.5.2),
// so that one type serves both; the text forms are the usual ones (RFC 5952).
#pragma once

#include <array>
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

    [[nodiscard]] static Address v4(std::span<const std::uint8_t, 4> network_order);
    [[nodiscard]] static Address v6(std::span<const std::uint8_t, 16> network_order);
    /// Reads "192.0.2.1" or "2001:db8::1"; empty when it is neither.
    [[nodiscard]] static std::optional<Address> parse(std::string_view text);

    [[nodiscard]] bool is_v4() const;
    /// All 16 bytes, IPv4-mapped for IPv4.
    [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
    /// The last four bytes: an IPv4 address in network order.
    [[nodiscard]] std::span<const std::uint8_t, 4> v4_bytes() const { return std::span(bytes_).last<4>(); }
    [[nodiscard]] std::string text() const;

    friend constexpr auto operator<=>(const Address&, const Address&) = default;

  private:
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
