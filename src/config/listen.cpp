#include "config/listen.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>

namespace finwait::config {

namespace {

constexpr std::size_t kMostNames = 32;
constexpr std::size_t kLongestName = 253;  // RFC 1035 section 2.3.4, as text
constexpr std::size_t kLongestPath = 107;  // sun_path's 108 bytes hold a closing zero too: unix(7)

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc{} || stopped != end || port == 0) return std::nullopt;
    return port;
}

std::optional<Place> parse_path(std::string_view path) {
    const bool valid = path.size() > 1 && path.size() <= kLongestPath && path[0] == '/' &&
                       path.back() != '/' && path.find('\0') == path.npos;
    if (!valid) return std::nullopt;
    return Place(std::string(path));
}

bool is_name(std::string_view text) {
    constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    return !text.empty() && text.size() <= kLongestName && text.find_first_not_of(kAllowed) == text.npos;
}

}  // namespace

std::optional<Place> parse_listen(std::string_view text) {
    constexpr std::string_view kUnix = "unix:";
    if (text.starts_with(kUnix)) return parse_path(text.substr(kUnix.size()));
    const std::size_t colon = text.rfind(':');
    if (colon == text.npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto address = tcp::Address::parse(host);
    const auto port = parse_port(text.substr(colon + 1));
    if (!address || !port || address->is_v4() == bracketed) return std::nullopt;
    return Place(tcp::Endpoint{*address, *port});
}

std::optional<std::vector<std::string>> parse_names(std::string_view text) {
    std::vector<std::string> names;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        const std::string_view name = text.substr(0, comma);
        if (!is_name(name) || names.size() == kMostNames) return std::nullopt;
        names.emplace_back(name);
        if (comma == text.npos) return names;
        text.remove_prefix(comma + 1);
        if (text.empty()) return std::nullopt;
    }
    return names;
}

}  // namespace finwait::config
