// The daemon's counters in groups, for people.
#pragma once

#include "ctl/output.hpp"

#include <nlohmann/json_fwd.hpp>

namespace finwait::ctl {

void print_stats(const nlohmann::json& stats, Output& out);

}  // namespace finwait::ctl
