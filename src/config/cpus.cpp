#include "config/cpus.hpp"

#include <charconv>

namespace finwait::config {

namespace {

constexpr std::uint16_t kMostCpu = 1023;  // what a cpu_set_t holds (sched_setaffinity(2))

std::optional<std::uint16_t> number(std::string_view text) {
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > kMostCpu) return std::nullopt;
    return value;
}

}  // namespace

std::optional<std::vector<std::uint16_t>> parse_cpus(std::string_view text) {
    std::vector<std::uint16_t> cpus;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        const std::string_view part = text.substr(0, comma);
        const std::size_t dash = part.find('-');
        const auto first = number(part.substr(0, dash));
        const auto last = dash == part.npos ? first : number(part.substr(dash + 1));
        if (!first || !last || *last < *first) return std::nullopt;
        for (unsigned cpu = *first; cpu <= *last; ++cpu)
            cpus.push_back(static_cast<std::uint16_t>(cpu));
        if (comma == text.npos) break;
        text.remove_prefix(comma + 1);
        if (text.empty()) return std::nullopt;
    }
    return cpus;
}

}  // namespace finwait::config
