// The tables of flows and of killed flows: which columns they have, how much each matters, and how a JSON
// object of the control protocol becomes a row.
#pragma once

#include "ctl/table.hpp"

#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace finwait::ctl {

[[nodiscard]] std::vector<Column> flow_columns();
[[nodiscard]] Row flow_row(const nlohmann::json& flow);

[[nodiscard]] std::vector<Column> killed_columns();
[[nodiscard]] Row killed_row(const nlohmann::json& killed);

}  // namespace finwait::ctl
