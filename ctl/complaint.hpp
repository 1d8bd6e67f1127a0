// What is said of a command line that makes no sense: what was found, and which word was probably meant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

namespace finwait::ctl {

/// Checks that a value is one of `allowed`, and says which was probably meant. The words must outlive it.
[[nodiscard]] CLI::Validator one_of(std::vector<std::string_view> allowed);

/// The complaint in one sentence or two, without a newline at its end. `words` is the command line.
[[nodiscard]] std::string complaint(const CLI::App& app, const CLI::ParseError& error,
                                    std::span<const char* const> words);

}  // namespace finwait::ctl
