// An IP network: the addresses that share a prefix (RFC 4632, RFC 4291 section 2.3).
#pragma once

#include "tcp/address.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace finwait::policy {

class Network {
  public:
    /// "10.0.0.0/8", "2001:db8::/32", or an address, which is a network of one; not "::ffff:10.0.0.0/8",
    /// which is neither IPv4 nor IPv6. Host bits are ignored, as ss(8) does.
    [[nodiscard]] static std::optional<Network> parse(std::string_view text);

    /// Never true across families: "::/0" holds no IPv4 address.
    [[nodiscard]] bool contains(const tcp::Address& address) const;

    [[nodiscard]] bool is_v4() const;
    /// Whether all of its addresses are in this one, too.
    [[nodiscard]] bool contains(const Network& other) const;

  private:
    Network(tcp::Address base, std::uint8_t prefix_bits);

    tcp::Address base_;
    std::uint8_t prefix_bits_;  // of 128: IPv4 counts its mapped prefix too
};

}  // namespace finwait::policy
