// One TOML value: how it is named in an error, and how text becomes one.
#pragma once

#include <string>
#include <string_view>

#include <toml++/toml.h>

namespace finwait::config {

/// Type and value, for people: "the string \"x\"", "the integer 5", "an array".
[[nodiscard]] std::string describe(const toml::node& node);

/// `text` as a basic string in its quotes, whatever is in it.
[[nodiscard]] std::string toml_string(std::string_view text);

/// Where in the file the byte at `column` (1-based) of the string's content stands. Where escapes or several
/// lines make that a guess, it is where the string begins.
[[nodiscard]] toml::source_position position_in(const toml::value<std::string>& string, std::size_t column);

/// The shortest decimal that is `value` again: "0.5", "1".
[[nodiscard]] std::string number_text(double value);

}  // namespace finwait::config
