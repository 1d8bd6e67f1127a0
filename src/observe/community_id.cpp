#include "observe/community_id.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <netinet/in.h>
#include <openssl/evp.h>

namespace finwait::observe {
namespace {

using Digest = std::array<unsigned char, 20>;  // SHA-1's

/// What is hashed, in network byte order.
class Input {
  public:
    void add(const tcp::Address& address) {
        for (const std::uint8_t octet : std::span(address.bytes()).subspan(address.is_v4() ? 12 : 0))
            add(octet);
    }
    void add(std::uint8_t octet) { octets_[size_++] = octet; }
    void add(std::uint16_t number) {
        add(static_cast<std::uint8_t>(number >> 8U));
        add(static_cast<std::uint8_t>(number & 0xffU));
    }
    [[nodiscard]] bool hash(Digest& digest) const {
        return EVP_Digest(octets_.data(), size_, digest.data(), nullptr, EVP_sha1(), nullptr) == 1;
    }

  private:
    std::array<std::uint8_t, 40> octets_{};  // of IPv6: seed, two addresses, protocol, padding, two ports
    std::size_t size_ = 0;
};

std::string base64(const Digest& digest) {
    std::array<unsigned char, 29> text;  // 28 characters, and the zero that EVP_EncodeBlock adds
    const int size = EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(digest.size()));
    return {text.begin(), text.begin() + size};
}

}  // namespace

std::string community_id(const tcp::Endpoint& one, const tcp::Endpoint& other) {
    const auto [first, second] = std::minmax(one, other);
    Input input;
    input.add(std::uint16_t{0});  // the seed
    input.add(first.address);
    input.add(second.address);
    input.add(std::uint8_t{IPPROTO_TCP});
    input.add(std::uint8_t{0});
    input.add(first.port);
    input.add(second.port);
    Digest digest;
    return input.hash(digest) ? "1:" + base64(digest) : std::string();
}

}  // namespace finwait::observe
