#include "config/value.hpp"

#include "policy/words.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

namespace finwait::config {
namespace {

// TOML counts columns in characters, not in bytes.
std::size_t characters(std::string_view utf8) {
    return static_cast<std::size_t>(
        std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

std::string describe(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::string: return "the string " + policy::in_quotes(node.as_string()->get());
        case toml::node_type::integer: return "the integer " + std::to_string(node.as_integer()->get());
        case toml::node_type::floating_point:
            return "the number " + number_text(node.as_floating_point()->get());
        case toml::node_type::boolean:
            return node.as_boolean()->get() ? "the boolean true" : "the boolean false";
        case toml::node_type::table: return "a table";
        case toml::node_type::array: return "an array";
        case toml::node_type::date: return "a date";
        case toml::node_type::time: return "a time of day";
        case toml::node_type::date_time: return "a date and time";
        case toml::node_type::none: break;
    }
    return "nothing";
}

std::string toml_string(std::string_view text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            out += "\\u00";
            out += kHex[byte >> 4];
            out += kHex[byte & 0xf];
            continue;
        }
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out += '"';
}

toml::source_position position_in(const toml::value<std::string>& string, std::size_t column) {
    const auto& source = string.source();
    const std::string_view content = string.get();
    // An escape is longer than what it stands for, and so are the quotes of the multi-line forms: only a
    // plain string is just two quotes longer than its content.
    const bool plain = source.begin.line == source.end.line &&
                       source.end.column - source.begin.column == characters(content) + 2;
    auto position = source.begin;
    if (plain) {
        position.column += static_cast<toml::source_index>(1 + characters(content.substr(0, column - 1)));
    }
    return position;
}

std::string number_text(double number) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    return {digits.data(), end};
}

}  // namespace finwait::config
