#include "policy/filter.hpp"
#include "policy/timeouts.hpp"

#include <array>
#include <charconv>

namespace finwait::policy {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t nanoseconds;
};

// Longest first: the order in which they may stand in a text.
constexpr std::array<Unit, 5> kUnits = {{
    {"d", 86'400'000'000'000},
    {"h", 3'600'000'000'000},
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
}};

constexpr std::string_view kOffText = "off";

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
    if (text == kOffText) return kOff;
    if (text.empty()) return std::nullopt;

    std::int64_t total = 0;
    std::size_t next_unit = 0;
    while (!text.empty()) {
        // from_chars would take a minus sign.
        if (text[0] < '0' || text[0] > '9') return std::nullopt;
        std::int64_t count = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
        if (error != std::errc{}) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));

        const auto unit_name = text.substr(0, text.find_first_of("0123456789"));
        while (next_unit < kUnits.size() && kUnits[next_unit].name != unit_name)
            ++next_unit;
        if (next_unit == kUnits.size()) return std::nullopt;
        const auto unit = kUnits[next_unit++].nanoseconds;
        text.remove_prefix(unit_name.size());

        // One below the maximum: that one means "off".
        if (count > (kOff.count() - 1 - total) / unit) return std::nullopt;
        total += count * unit;
    }
    return Duration(total);
}

std::string duration_text(Duration d) {
    if (d == kOff) return std::string(kOffText);
    std::string out;
    auto rest = d.count();
    for (const auto& unit : kUnits) {
        if (rest < unit.nanoseconds) continue;
        out += std::to_string(rest / unit.nanoseconds);
        out += unit.name;
        rest %= unit.nanoseconds;
    }
    return out.empty() ? "0s" : out;
}

}  // namespace finwait::policy
