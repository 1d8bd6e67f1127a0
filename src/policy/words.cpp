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
    std::string shown(text);
    const auto moves_cursor = [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; };
    std::replace_if(shown.begin(), shown.end(), moves_cursor, ' ');
    // A byte that continues a UTF-8 character takes no column of its own.
    const auto begins_character = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; };
    const std::string_view before = std::string_view(shown).substr(0, std::max<std::size_t>(column, 1) - 1);
    const auto width =
        static_cast<std::size_t>(std::count_if(before.begin(), before.end(), begins_character));
    return std::string(kIndent) + shown + "\n" + std::string(kIndent) + std::string(width, ' ') + "^";
}

}  // namespace finwait::policy
