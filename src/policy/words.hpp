// Words for error messages: what was found, safe to print on a terminal, and the known word that was probably
// meant.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace finwait::policy {

/// `text` in double quotes, cut when it is long; whatever is not printable ASCII as \xNN.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// "a, b, c".
[[nodiscard]] std::string listed(std::span<const std::string_view> words);

/// The word nearest to `found`, at most two slips of the finger away (case aside); empty when none is.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view found,
                                                      std::span<const std::string_view> words);

/// "; did you mean "fin-wait-2"?", or nothing when no word is near.
[[nodiscard]] std::string suggestion(std::string_view found, std::span<const std::string_view> words);

/// The text, and on a second line a caret below the byte at `column` (1-based); both indented, neither with
/// a newline at its end. Of a long text only what stands around the column. What would move the caret or the
/// terminal's cursor is shown as a space.
[[nodiscard]] std::string pointed_at(std::string_view text, std::size_t column);

}  // namespace finwait::policy
