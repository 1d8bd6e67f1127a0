// TOML to settings and back. Reads the whole configuration before judging it, and reports every error at
// once, each with file:line:column, the key, what was found and what is allowed.
#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace finwait::config {

struct Error {
    std::string file;
    std::uint32_t line = 0;    // 1-based; 0 when the file itself could not be read
    std::uint32_t column = 0;  // 1-based
    std::string message;       // "timeouts.fin_wait_2: found the string \"5 minutes\"; allowed: ..."
    std::string excerpt = {};  // of a filter: its text, and a line with a caret below the place

    /// "file:line:column: message"; without a line "file: message".
    [[nodiscard]] std::string text() const;
    /// For a terminal: the same, and the excerpt on lines of its own.
    [[nodiscard]] std::string illustrated() const;
};

using Result = std::variant<Settings, std::vector<Error>>;

/// Reads `file` and then, in the order of their names, `conf.d/*.toml` beside it, hidden files left out. A
/// later file's key replaces an earlier one's; its policies come after, unless their `priority` is greater.
/// An error in any of them is an error of the whole. Errors come in the order in which the files are read.
[[nodiscard]] Result load(const std::filesystem::path& file);

struct Checked {
    Result result;
    std::vector<std::string> files;    // that were read, or could not be, in their order
    std::vector<Error> warnings = {};  // of a configuration without errors: what can hardly be meant
};

/// The same, and what a person should know besides: which files make up the configuration, and policies that
/// can never be in force.
[[nodiscard]] Checked check(const std::filesystem::path& file);

/// The same for a text, `name` standing in for the file's name in errors.
[[nodiscard]] Result parse(std::string_view toml, const std::string& name);

/// Every key with the value in force, as TOML that parse() reads back to the same settings.
[[nodiscard]] std::string print(const Settings& settings);

}  // namespace finwait::config
