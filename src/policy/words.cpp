#include "policy/words.hpp"

#include <algorithm>
#include <array>

namespace finwait::policy {
namespace {

constexpr std::size_t kQuotedMax = 60;
constexpr std::size_t kWordMax = 32;
constexpr std::size_t kSlipsMax = 2;

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Insertions, deletions, substitutions and swaps of neighbours that lead from one word to the other (optimal
// string alignment distance). Three rows of the usual table are enough: the swap looks two rows back.
std::size_t slips(std::string_view a, std::string_view b) {
    using Row = std::array<std::size_t, kWordMax + 1>;
    Row two_back{};
    Row back{};
    Row row{};
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        two_back = back;
        back = row;
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool same = lower(a[i - 1]) == lower(b[j - 1]);
            row[j] = std::min({back[j] + 1, row[j - 1] + 1, back[j - 1] + (same ? 0U : 1U)});
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1])) {
                row[j] = std::min(row[j], two_back[j - 2] + 1);
            }
        }
    }
    return row[b.size()];
}

// A byte that continues a UTF-8 character takes no column of its own.
bool begins_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
}

// Where the character with this number, from 0, begins.
std::size_t offset_of(std::string_view text, std::size_t number) {
    std::size_t at = 0;
    for (std::size_t seen = 0; at < text.size(); ++at)
        if (begins_character(text[at]) && seen++ == number) break;
    return at;
}

}  // namespace

std::string in_quotes(std::string_view text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text.substr(0, kQuotedMax)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            if (c == '"' || c == '\\') out += '\\';
            out += c;
        } else {
            out += "\\x";
            out += kHex[byte >> 4];
            out += kHex[byte & 0xf];
        }
    }
    out += text.size() > kQuotedMax ? "...\"" : "\"";
    return out;
}

std::string listed(std::span<const std::string_view> words) {
    std::string out;
    for (const auto word : words) {
        if (!out.empty()) out += ", ";
        out += word;
    }
    return out;
}

std::optional<std::string_view> nearest(std::string_view found, std::span<const std::string_view> words) {
    if (found.empty() || found.size() > kWordMax) return std::nullopt;
    std::optional<std::string_view> best;
    std::size_t best_slips = kSlipsMax + 1;
    for (const auto word : words) {
        if (word.size() > kWordMax) continue;
        const auto n = slips(found, word);
        // In a short word two slips leave nothing of what was typed.
        if (n < best_slips && 2 * n <= std::min(found.size(), word.size())) {
            best = word;
            best_slips = n;
        }
    }
    return best;
}

std::string suggestion(std::string_view found, std::span<const std::string_view> words) {
    const auto word = nearest(found, words);
    return word ? "; did you mean " + policy::in_quotes(*word) + "?" : std::string();
}

std::string pointed_at(std::string_view text, std::size_t column) {
    constexpr std::string_view kIndent = "  ";
    constexpr std::string_view kLeftOut = "...";
    constexpr std::size_t kShownMax = 70;  // with the indent and what stands for the rest: a terminal's line
    std::string shown(text);
    const auto moves_cursor = [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; };
    std::replace_if(shown.begin(), shown.end(), moves_cursor, ' ');
    const auto characters = [](std::string_view part) {
        return static_cast<std::size_t>(std::count_if(part.begin(), part.end(), begins_character));
    };
    std::string_view after = shown;
    std::size_t width = characters(after.substr(0, std::max<std::size_t>(column, 1) - 1));
    std::string head(kIndent);
    if (const std::size_t all = characters(after); all > kShownMax && width > kShownMax / 2) {
        const std::size_t left_out = std::min(width - kShownMax / 2, all - kShownMax);
        after.remove_prefix(offset_of(after, left_out));
        width -= left_out;
        if (left_out > 0) head += kLeftOut;
    }
    const std::size_t end = offset_of(after, kShownMax);
    const std::string_view tail = end < after.size() ? kLeftOut : std::string_view();
    const std::size_t indent = head.size() + width;
    return head.append(after.substr(0, end)).append(tail) + "\n" + std::string(indent, ' ') + "^";
}

}  // namespace finwait::policy
