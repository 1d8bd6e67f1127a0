// Looks whether this machine is set up for a configuration; no daemon is needed for it.
#pragma once

#include "ctl/invocation.hpp"
#include "machine/findings.hpp"

#include <string>
#include <vector>

namespace finwait::ctl {

/// What was found on this machine, for the configuration that config_to_check() chooses.
[[nodiscard]] ExitCode check_system(const std::string& file, const Invocation& call, Output& out,
                                    Output& err);

/// Failed when finwaitd cannot work here. A warning is no failure.
[[nodiscard]] ExitCode exit_code(const std::vector<machine::Finding>& findings);

/// A line each, and below it what to do; with `json` an array.
[[nodiscard]] std::string findings_text(const std::vector<machine::Finding>& findings, bool json);

}  // namespace finwait::ctl
