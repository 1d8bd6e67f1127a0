// One flow with all that is known of it, for people.
#pragma once

#include "ctl/output.hpp"

#include <nlohmann/json_fwd.hpp>

namespace finwait::ctl {

/// `flow` as `show` answers it, with its "sides".
void print_flow(const nlohmann::json& flow, Output& out);

/// Its "history": the last steps of both sides, as a table.
void print_history(const nlohmann::json& history, Output& out);

}  // namespace finwait::ctl
