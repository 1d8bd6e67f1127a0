// What the values of options may be, for CLI11. An error says what was found and what is allowed.
#pragma once

#include <cstddef>
#include <string>

#include <CLI/CLI.hpp>

namespace finwait::ctl {

/// A word that flows can be sorted by, or one with "-" before it.
[[nodiscard]] CLI::Validator one_of_sort_words();
/// "pretty", or "true", which is what CLI11 says where nothing is said.
[[nodiscard]] CLI::Validator pretty_or_nothing();
/// Any text but none; an error says that `allowed` is.
[[nodiscard]] CLI::Validator not_empty(const std::string& allowed);
/// A decimal number from 1 to `most`.
[[nodiscard]] CLI::Validator number_up_to(std::size_t most);

}  // namespace finwait::ctl
