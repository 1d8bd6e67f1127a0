// The table of flows: which columns it has, how much each matters, and how a JSON object of the control
// protocol becomes a row.
#pragma once

#include "ctl/table.hpp"

#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace finwait::ctl {

[[nodiscard]] std::vector<Column> flow_columns();
[[nodiscard]] Row flow_row(const nlohmann::json& flow);

/// The same, and what each side takes its peer to be.
[[nodiscard]] std::vector<Column> verbose_columns();
[[nodiscard]] Row verbose_row(const nlohmann::json& flow);

}  // namespace finwait::ctl
