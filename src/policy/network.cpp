#include "policy/network.hpp"

#include <algorithm>
#include <charconv>

namespace finwait::policy {
namespace {

constexpr std::uint8_t kAllBits = 128;
constexpr std::uint8_t kMappedBits = 96;

constexpr std::uint8_t mask_of_last_byte(std::uint8_t prefix_bits) {
    return static_cast<std::uint8_t>(0xff00U >> (prefix_bits % 8));
}

std::optional<std::uint8_t> parse_bits(std::string_view text, std::uint8_t most) {
    std::uint8_t bits = 0;
    const auto* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, bits);
    if (error != std::errc{} || end != last || bits > most) return std::nullopt;
    return bits;
}

}  // namespace

Network::Network(tcp::Address base, std::uint8_t prefix_bits) : base_(base), prefix_bits_(prefix_bits) {}

std::optional<Network> Network::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = tcp::Address::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    if (slash == text.npos) return Network(*address, kAllBits);

    const bool dotted = text.substr(0, slash).find(':') == text.npos;
    const auto bits =
        parse_bits(text.substr(slash + 1), dotted ? std::uint8_t{kAllBits - kMappedBits} : kAllBits);
    if (!bits) return std::nullopt;
    // Half of an IPv4 address: whoever writes that means neither family's network.
    if (!dotted && address->is_v4() && *bits < kMappedBits) return std::nullopt;
    return Network(*address, static_cast<std::uint8_t>(dotted ? kMappedBits + *bits : *bits));
}

bool Network::is_v4() const {
    return base_.is_v4() && prefix_bits_ >= kMappedBits;
}

bool Network::contains(const tcp::Address& address) const {
    if (address.is_v4() != is_v4()) return false;
    const auto& ours = base_.bytes();
    const auto& theirs = address.bytes();
    const std::size_t whole = prefix_bits_ / 8U;
    if (!std::equal(ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(whole), theirs.begin()))
        return false;
    if (prefix_bits_ % 8 == 0) return true;
    return ((ours[whole] ^ theirs[whole]) & mask_of_last_byte(prefix_bits_)) == 0;
}

bool Network::contains(const Network& other) const {
    return prefix_bits_ <= other.prefix_bits_ && contains(other.base_);
}

}  // namespace finwait::policy
