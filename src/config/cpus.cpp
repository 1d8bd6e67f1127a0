#include "config/cpus.hpp"

#include <algorithm>
#include <charconv>
#include <thread>

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

std::string cpus_text(std::span<const std::uint16_t> cpus) {
    std::string text;
    for (std::size_t first = 0; first < cpus.size();) {
        std::size_t last = first;
        while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1)
            ++last;
        text += (text.empty() ? "" : ",") + std::to_string(cpus[first]);
        if (last > first) text += "-" + std::to_string(cpus[last]);
        first = last + 1;
    }
    return text;
}

std::uint16_t automatic_queues(std::string_view cpus) {
    constexpr std::size_t kMost = 256;
    const auto listed = parse_cpus(cpus);
    const std::size_t wanted =
        listed && !listed->empty() ? listed->size() : std::thread::hardware_concurrency();
    return static_cast<std::uint16_t>(std::clamp<std::size_t>(wanted, 1, kMost));
}

}  // namespace finwait::config
