#include "ctl/text.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

const nlohmann::json* member(const nlohmann::json& object, std::string_view key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string two_units(std::int64_t value, std::int64_t per_unit, char big, char small) {
    const std::int64_t rest = value % per_unit;
    if (rest == 0) return fmt::format("{}{}", value / per_unit, big);
    return fmt::format("{}{}{}{}", value / per_unit, big, rest, small);
}

/// A byte of a UTF-8 character that is not its first.
bool continues(char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// Where the character with this number, from 0, begins.
std::size_t offset_of(std::string_view text, std::size_t number) {
    std::size_t at = 0;
    for (std::size_t seen = 0; at < text.size(); ++at) {
        if (continues(text[at])) continue;
        if (seen == number) break;
        ++seen;
    }
    return at;
}

}  // namespace

std::string human_duration(double seconds) {
    constexpr double longest = 1e12;  // beyond any timeout; keeps the conversions below defined
    seconds = std::clamp(seconds, 0.0, longest);
    if (seconds > 0 && seconds < 9.95) return fmt::format("{:.1f}s", seconds);
    const auto whole = static_cast<std::int64_t>(std::llround(seconds));
    if (whole < 60) return fmt::format("{}s", whole);
    if (whole < 3600) return two_units(whole, 60, 'm', 's');
    const std::int64_t minutes = (whole + 30) / 60;
    if (minutes < 24 * 60) return two_units(minutes, 60, 'h', 'm');
    const std::int64_t hours = (whole + 1800) / 3600;
    return two_units(hours, 24, 'd', 'h');
}

std::string times(std::uint64_t count) {
    return count == 1 ? "once" : fmt::format("{} times", count);
}

std::string text_at(const nlohmann::json& object, std::string_view key) {
    const nlohmann::json* value = member(object, key);
    if (value == nullptr) return "-";
    if (value->is_boolean()) return value->get<bool>() ? "yes" : "no";
    if (!value->is_string()) return value->dump();
    const auto& text = value->get_ref<const std::string&>();
    return text.empty() ? "-" : text;
}

std::string duration_at(const nlohmann::json& object, std::string_view key) {
    const nlohmann::json* value = member(object, key);
    return value != nullptr && value->is_number() ? human_duration(value->get<double>()) : "-";
}

nlohmann::json part(const nlohmann::json& object, const char* key) {
    return object.value(key, nlohmann::json::object());
}

std::string endpoint_text(const nlohmann::json& end) {
    const std::string address = text_at(end, "addr");
    const char* const format = address.find(':') == std::string::npos ? "{}:{}" : "[{}]:{}";
    return fmt::format(fmt::runtime(format), address, text_at(end, "port"));
}

std::string seen_text(const nlohmann::json& side) {
    const nlohmann::json* sees = member(side, "sees");
    return sees != nullptr && sees->is_object() ? endpoint_text(*sees) : "-";
}

std::size_t display_width(std::string_view text) {
    return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues));
}

std::string shortened(std::string_view text, std::size_t width) {
    constexpr std::string_view ellipsis = "…";
    if (text.size() <= width || display_width(text) <= width) return std::string(text);
    if (width == 0) return {};
    // More of the end than of the beginning: that is where hosts and ports differ.
    const std::size_t total = display_width(text);
    const std::size_t tail = width / 2;
    std::string out(text.substr(0, offset_of(text, width - 1 - tail)));
    return out.append(ellipsis).append(text.substr(offset_of(text, total - tail)));
}

}  // namespace finwait::ctl
