// Looks whether this machine is set up for a configuration, without a daemon.
#pragma once

#include "ctl/commands.hpp"
#include "machine/findings.hpp"

#include <string>
#include <vector>

namespace finwait::ctl {

/// As check_config(), and then what was found on this machine. Fails when finwaitd cannot work here, or not
/// as configured.
[[nodiscard]] ExitCode check_system(const std::string& file, const Invocation& call, Output& out,
                                    Output& err);

/// A line each, and below it what to do; with `json` an array.
[[nodiscard]] std::string findings_text(const std::vector<machine::Finding>& findings, bool json);

}  // namespace finwait::ctl
