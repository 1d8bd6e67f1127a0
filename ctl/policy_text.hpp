// Policies for people: a table of what each has done, and below it what the table cannot say.
#pragma once

#include "ctl/table.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace finwait::ctl {

[[nodiscard]] std::vector<Column> policy_columns();
[[nodiscard]] Row policy_row(const nlohmann::json& policy);

/// Which mode is in force, above the table: a line with its newline. Empty where `mode` is.
[[nodiscard]] std::string mode_line(std::string_view mode);

/// Lines, each with its newline: whether the policy is stopped, how its observed resets turned out, how long
/// its half-closes lasted, and which fin_wait_2 that suggests. Empty when there is nothing to say.
[[nodiscard]] std::string policy_notes(const nlohmann::json& policy);

}  // namespace finwait::ctl
