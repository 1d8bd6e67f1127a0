#include "tcp/address.hpp"

#include <algorithm>
#include <charconv>

namespace finwait::tcp {
namespace {

constexpr std::size_t kGroups = 8;

// Takes one number off the front of `text`, of at most `max_digits` digits.
std::optional<std::uint16_t> take_number(std::string_view& text, int base, std::size_t max_digits) {
    const auto head = text.substr(0, max_digits);
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(head.data(), head.data() + head.size(), value, base);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - head.data()));
    return value;
}

bool take(std::string_view& text, std::string_view token) {
    if (!text.starts_with(token)) return false;
    text.remove_prefix(token.size());
    return true;
}

std::optional<std::array<std::uint8_t, 4>> parse_v4(std::string_view text) {
    std::array<std::uint8_t, 4> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i > 0 && !take(text, ".")) return std::nullopt;
        // "010" is octal to some readers and decimal to others (RFC 6943 section 3.1.1): neither here.
        if (text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9') return std::nullopt;
        const auto octet = take_number(text, 10, 3);
        if (!octet || *octet > 255) return std::nullopt;
        bytes[i] = static_cast<std::uint8_t>(*octet);
    }
    if (!text.empty()) return std::nullopt;
    return bytes;
}

// The groups on one side of "::" (or all of them), as bytes.
struct Groups {
    std::array<std::uint8_t, 16> bytes{};
    std::size_t size = 0;

    bool push(std::uint8_t byte) {
        if (size == bytes.size()) return false;
        bytes[size++] = byte;
        return true;
    }
};

std::optional<Groups> parse_groups(std::string_view text, bool dotted_quad_allowed) {
    Groups groups;
    while (!text.empty()) {
        if (groups.size > 0 && !take(text, ":")) return std::nullopt;
        if (dotted_quad_allowed && text.find(':') == text.npos && text.find('.') != text.npos) {
            const auto quad = parse_v4(text);
            if (!quad || !std::all_of(quad->begin(), quad->end(), [&](auto b) { return groups.push(b); })) {
                return std::nullopt;
            }
            return groups;
        }
        const auto group = take_number(text, 16, 4);
        if (!group || !groups.push(static_cast<std::uint8_t>(*group >> 8)) ||
            !groups.push(static_cast<std::uint8_t>(*group & 0xff))) {
            return std::nullopt;
        }
    }
    return groups;
}

std::optional<std::array<std::uint8_t, 16>> parse_v6(std::string_view text) {
    const auto gap = text.find("::");
    if (gap == text.npos) {
        const auto all = parse_groups(text, true);
        if (!all || all->size != all->bytes.size()) return std::nullopt;
        return all->bytes;
    }
    const auto head = parse_groups(text.substr(0, gap), false);
    const auto tail = parse_groups(text.substr(gap + 2), true);
    // "::" stands for at least one group (RFC 4291 section 2.2).
    if (!head || !tail || head->size + tail->size > 14) return std::nullopt;
    auto bytes = head->bytes;
    std::copy_n(tail->bytes.begin(), tail->size, bytes.end() - static_cast<std::ptrdiff_t>(tail->size));
    return bytes;
}

void append_number(std::string& out, std::uint16_t value, int base) {
    std::array<char, 8> digits{};
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value, base);
    out.append(digits.data(), end);
}

std::string v4_text(std::span<const std::uint8_t, 4> bytes) {
    std::string out;
    for (const auto byte : bytes) {
        if (!out.empty()) out += '.';
        append_number(out, byte, 10);
    }
    return out;
}

struct Run {
    std::size_t start = 0;
    std::size_t length = 0;
};

// The first of the longest runs of zero groups; a single group is not shortened (RFC 5952 section 4.2).
Run longest_zero_run(std::span<const std::uint16_t, kGroups> groups) {
    Run best;
    Run current;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (groups[i] != 0) {
            current = {};
            continue;
        }
        if (current.length == 0) current.start = i;
        ++current.length;
        if (current.length > best.length) best = current;
    }
    return best.length >= 2 ? best : Run{};
}

std::string v6_text(std::span<const std::uint8_t, 16> bytes) {
    std::array<std::uint16_t, kGroups> groups{};
    for (std::size_t i = 0; i < kGroups; ++i) {
        groups[i] = static_cast<std::uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
    }
    const auto zeros = longest_zero_run(groups);
    std::string out;
    for (std::size_t i = 0; i < kGroups; ++i) {
        if (zeros.length > 0 && i == zeros.start) {
            out += "::";
            i += zeros.length - 1;
            continue;
        }
        if (!out.empty() && out.back() != ':') out += ':';
        append_number(out, groups[i], 16);
    }
    return out;
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
    if (const auto bytes = parse_v4(text)) return v4(*bytes);
    if (const auto bytes = parse_v6(text)) return v6(*bytes);
    return std::nullopt;
}

std::string Address::text() const {
    return is_v4() ? v4_text(v4_bytes()) : v6_text(bytes_);
}

std::string Endpoint::text() const {
    auto out = address.is_v4() ? address.text() : '[' + address.text() + ']';
    out += ':';
    append_number(out, port, 10);
    return out;
}

}  // namespace finwait::tcp
