// The attributes of a netlink message (struct nlattr), whatever stands in them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include <linux/netlink.h>

namespace finwait::netfilter {

/// The bytes' beginning as a value of another type; false when they are too few.
template<typename T>
bool read(std::span<const char> bytes, T& value) {
    if (bytes.size() < sizeof value) return false;
    std::memcpy(&value, bytes.data(), sizeof value);
    return true;
}

/// A number in network byte order; empty where there are too few bytes for it.
template<typename T>
[[nodiscard]] std::optional<T> read_number(std::span<const char> bytes) {
    if (bytes.size() < sizeof(T)) return std::nullopt;
    std::uint64_t number = 0;
    for (const char byte : bytes.first(sizeof(T)))
        number = number << 8U | static_cast<std::uint8_t>(byte);
    return static_cast<T>(number);
}

/// Calls visit(type, body) for each whole attribute; stops at the first that is not.
template<typename Visit>
void each_attribute(std::span<const char> bytes, Visit visit) {
    nlattr head{};
    while (read(bytes, head) && head.nla_len >= sizeof head && head.nla_len <= bytes.size()) {
        visit(head.nla_type & NLA_TYPE_MASK, bytes.subspan(sizeof head, head.nla_len - sizeof head));
        const std::size_t aligned = (head.nla_len + std::size_t{3}) & ~std::size_t{3};
        bytes = bytes.subspan(std::min(aligned, bytes.size()));
    }
}

/// The attributes behind the fixed part of a message; empty where not even that is there. mnl_attr_parse()
/// would go on into the padding behind the message.
template<typename Fixed>
[[nodiscard]] std::optional<std::span<const char>> attributes_behind(const nlmsghdr& message) {
    const std::span<const char> whole(reinterpret_cast<const char*>(&message), message.nlmsg_len);
    constexpr std::size_t kFixed = NLMSG_HDRLEN + sizeof(Fixed);
    if (whole.size() < kFixed) return std::nullopt;
    return whole.subspan(std::min<std::size_t>(NLMSG_ALIGN(kFixed), whole.size()));
}

}  // namespace finwait::netfilter
