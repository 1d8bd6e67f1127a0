// The table of flows: which columns it has, how much each matters, and how a JSON object of the control
// protocol becomes a row.
#pragma once

#include "ctl/names.hpp"
#include "ctl/table.hpp"

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace finwait::ctl {

/// From `verbose` 1 on also what each side takes its peer to be.
[[nodiscard]] std::vector<Column> flow_columns(int verbose = 0);
/// With `names`, what they know instead of addresses and ports.
[[nodiscard]] Row flow_row(const nlohmann::json& flow, int verbose = 0, Names* names = nullptr);

/// What no column has room for, as one line; empty when there is nothing to say.
[[nodiscard]] std::string flow_remarks(const nlohmann::json& flow);

/// The addresses in a row, for their names to be asked for.
void collect_addresses(const nlohmann::json& flow, std::vector<std::string>& addresses);

}  // namespace finwait::ctl
