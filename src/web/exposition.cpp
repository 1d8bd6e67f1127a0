#include "web/exposition.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <fmt/format.h>
#include <iterator>
#include <optional>

namespace finwait::web {
namespace {

constexpr std::string_view kOpenMetrics = "application/openmetrics-text";
constexpr std::string_view kPlain = "text/plain";

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Takes what stands before the next `separator` off the front of `text`.
std::string_view next(std::string_view& text, char separator) {
    const std::size_t end = text.find(separator);
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    return trimmed(part);
}

std::string lowered(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

double number(std::string_view text) {
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

/// How much a media type is wanted, as Accept has it; empty when it is not named.
std::optional<double> quality(std::string_view accept, std::string_view type) {
    std::optional<double> best;
    while (!accept.empty()) {
        std::string_view range = next(accept, ',');
        if (lowered(next(range, ';')) != type) continue;
        double q = 1;
        bool version = true;
        while (!range.empty()) {
            std::string_view parameter = next(range, ';');
            const std::string key = lowered(next(parameter, '='));
            if (key == "q") q = number(parameter);
            if (key == "version" && type == kOpenMetrics) version = trimmed(parameter).starts_with("1.");
        }
        if (version) best = std::max(best.value_or(0), q);
    }
    return best;
}

enum class Quotes : bool { as_they_are, escaped };

void append_escaped(std::string& out, std::string_view text, Quotes quotes) {
    for (const char c : text) {
        if (c == '\n') {
            out += "\\n";
            continue;
        }
        if (c == '\\' || (c == '"' && quotes == Quotes::escaped)) out += '\\';
        out += c;
    }
}

/// The last word of a family's name, where that is a unit.
std::string_view unit_of(std::string_view family) {
    for (const std::string_view unit : {std::string_view("seconds"), std::string_view("bytes")})
        if (family.ends_with(unit)) return unit;
    return {};
}

}  // namespace

Format choose_format(std::string_view accept) {
    const double openmetrics = quality(accept, kOpenMetrics).value_or(0);
    const bool preferred = openmetrics > 0 && openmetrics >= quality(accept, kPlain).value_or(0);
    return preferred ? Format::openmetrics : Format::prometheus;
}

std::string_view content_type(Format f) {
    return f == Format::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                    : "text/plain; version=0.0.4; charset=utf-8";
}

std::string_view name(Kind k) {
    constexpr std::array<std::string_view, 4> kNames = {"gauge", "counter", "histogram", "info"};
    return kNames[static_cast<std::size_t>(k)];
}

std::string sample_name(const Family& family) {
    std::string out(family.name);
    if (family.kind == Kind::counter) out += "_total";
    if (family.kind == Kind::info) out += "_info";
    return out;
}

void Exposition::begin(const Family& family) {
    family_ = family;
    const bool open = format_ == Format::openmetrics;
    const std::string shown = open ? std::string(family.name) : sample_name(family);
    // What the older format does not know is a gauge there.
    const std::string_view kind = family.kind == Kind::info && !open ? name(Kind::gauge) : name(family.kind);
    text_ += "# HELP " + shown + ' ';
    append_escaped(text_, family.help, open ? Quotes::escaped : Quotes::as_they_are);
    fmt::format_to(std::back_inserter(text_), "\n# TYPE {} {}\n", shown, kind);
    const std::string_view unit = unit_of(family.name);
    if (open && !unit.empty()) fmt::format_to(std::back_inserter(text_), "# UNIT {} {}\n", shown, unit);
}

void Exposition::sample(std::uint64_t value, Labels labels) {
    line({}, labels, fmt::to_string(value));
}

void Exposition::sample(double value, Labels labels) {
    line({}, labels, fmt::to_string(value));
}

void Exposition::histogram(std::span<const Duration> bounds, std::span<const std::uint64_t> counts,
                           Duration sum) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        below += counts[i];
        const std::string bound = i < bounds.size() ? fmt::to_string(in_seconds(bounds[i])) : "+Inf";
        line("_bucket", {{"le", bound}}, fmt::to_string(below));
    }
    line("_sum", {}, fmt::to_string(in_seconds(sum)));
    line("_count", {}, fmt::to_string(below));
}

void Exposition::line(std::string_view suffix, Labels labels, std::string_view value) {
    text_ += sample_name(family_);
    text_ += suffix;
    char before = '{';
    for (const auto& [key, text] : labels) {
        text_ += before;
        text_ += key;
        text_ += "=\"";
        append_escaped(text_, text, Quotes::escaped);
        text_ += '"';
        before = ',';
    }
    if (labels.size() > 0) text_ += '}';
    text_ += ' ';
    text_ += value;
    text_ += '\n';
}

std::string Exposition::finish() {
    if (format_ == Format::openmetrics) text_ += "# EOF\n";
    return std::move(text_);
}

}  // namespace finwait::web
