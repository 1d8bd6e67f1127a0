#include "web/http.hpp"

#include <charconv>
#include <cstdint>

namespace finwait::web {
namespace {

/// RFC 3986 section 2.1; in a query "+" is a space, as forms write it.
std::optional<std::string> decoded(std::string_view text, bool form) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && form) {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            std::uint8_t byte = 0;
            const std::string_view digits = text.substr(i + 1, 2);
            const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
            if (error != std::errc{} || end != digits.data() + 2) return std::nullopt;
            out += static_cast<char>(byte);
            i += 2;
        }
    }
    return out;
}

}  // namespace

std::optional<Target> parse_target(std::string_view text) {
    const std::size_t mark = text.find('?');
    const auto path = decoded(text.substr(0, mark), false);
    if (!path || !path->starts_with('/')) return std::nullopt;
    Target target{*path, {}};
    std::string_view rest = mark == text.npos ? std::string_view() : text.substr(mark + 1);
    while (!rest.empty()) {
        const std::size_t end = rest.find('&');
        const std::string_view pair = rest.substr(0, end);
        rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
        const std::size_t equals = pair.find('=');
        const auto key = decoded(pair.substr(0, equals), true);
        const auto value = decoded(equals == pair.npos ? std::string_view() : pair.substr(equals + 1), true);
        if (!key || !value || !target.query.emplace(*key, *value).second) return std::nullopt;
    }
    return target;
}

}  // namespace finwait::web
