// Why a flow stands as it does, in sentences for operators.
#pragma once

#include "ctl/output.hpp"

#include <nlohmann/json_fwd.hpp>

namespace finwait::ctl {

/// `explanation` as the daemon answers `explain`.
void print_explanation(const nlohmann::json& explanation, Output& out);

}  // namespace finwait::ctl
