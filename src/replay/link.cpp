#include "replay/link.hpp"

#include <algorithm>
#include <array>
#include <pcap/pcap.h>

namespace finwait::replay {
namespace {

using Bytes = std::span<const std::uint8_t>;
using tcp::ParseError;

/// What stands before the IP packet.
struct Header {
    ParseError error = ParseError::none;
    std::size_t size = 0;
};

std::uint16_t read16(Bytes b, std::size_t at) {
    return static_cast<std::uint16_t>(b[at] << 8U | b[at + 1]);
}

bool is_vlan(std::uint16_t type) {
    constexpr std::array<std::uint16_t, 3> kTags = {0x8100, 0x88A8, 0x9100};
    return std::ranges::find(kTags, type) != kTags.end();
}

bool is_ip(std::uint16_t type) {
    return type == 0x0800 || type == 0x86DD;
}

/// An EtherType stands at `at`; each VLAN tag is two bytes and another EtherType.
Header from_ether_type(Bytes frame, std::size_t at) {
    while (frame.size() >= at + 2) {
        const std::uint16_t type = read16(frame, at);
        if (is_ip(type)) return {ParseError::none, at + 2};
        if (!is_vlan(type)) return {ParseError::not_ip};
        at += 4;
    }
    return {ParseError::truncated};
}

Header ethernet(Bytes frame) {
    return from_ether_type(frame, 12);
}

Header cooked_v1(Bytes frame) {
    return from_ether_type(frame, 14);
}

/// The EtherType comes first here, what it is the type of after all else.
Header cooked_v2(Bytes frame) {
    constexpr std::size_t kSize = 20;
    if (frame.size() < kSize) return {ParseError::truncated};
    const std::uint16_t type = read16(frame, 0);
    if (is_vlan(type)) return from_ether_type(frame, kSize + 2);
    return {is_ip(type) ? ParseError::none : ParseError::not_ip, kSize};
}

Header raw(Bytes) {
    return {};
}

/// An address family in the byte order of whoever captured; AF_INET6 differs from system to system.
Header loopback(Bytes frame) {
    constexpr std::size_t kSize = 4;
    constexpr std::array<unsigned, 5> kFamilies = {2, 10, 24, 28, 30};
    if (frame.size() < kSize) return {ParseError::truncated};
    const unsigned high = read16(frame, 0);
    const unsigned low = read16(frame, 2);
    const unsigned big = high << 16U | low;
    const unsigned family = big <= 0xFFFFU ? big : (high >> 8U | (high & 0xFFU) << 8U);
    const bool swapped_is_small = big <= 0xFFFFU || low == 0;
    const bool known = swapped_is_small && std::ranges::find(kFamilies, family) != kFamilies.end();
    return {known ? ParseError::none : ParseError::not_ip, kSize};
}

struct Link {
    int type;
    Header (*header)(Bytes);
};

constexpr std::array<Link, 8> kLinks = {{{DLT_EN10MB, &ethernet},
                                         {DLT_LINUX_SLL, &cooked_v1},
                                         {DLT_LINUX_SLL2, &cooked_v2},
                                         {DLT_RAW, &raw},
                                         {DLT_IPV4, &raw},
                                         {DLT_IPV6, &raw},
                                         {DLT_NULL, &loopback},
                                         {DLT_LOOP, &loopback}}};

const Link* find(int link_type) {
    const auto* found = std::ranges::find(kLinks, link_type, &Link::type);
    return found == kLinks.end() ? nullptr : found;
}

}  // namespace

bool is_known_link(int link_type) {
    return find(link_type) != nullptr;
}

std::string link_text(int link_type) {
    const char* name = pcap_datalink_val_to_name(link_type);
    const char* description = pcap_datalink_val_to_description(link_type);
    if (name == nullptr) return "number " + std::to_string(link_type);
    std::string text = name;
    if (description != nullptr) text.append(" (").append(description).append(")");
    return text;
}

Unwrapped unwrap(int link_type, Bytes frame, std::size_t wire_length) {
    const Link* link = find(link_type);
    if (link == nullptr) return {ParseError::not_ip};
    const Header header = link->header(frame);
    if (header.error != ParseError::none) return {header.error};
    return {ParseError::none, frame.subspan(header.size), wire_length - header.size};
}

}  // namespace finwait::replay
