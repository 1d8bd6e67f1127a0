// Validates a configuration on this machine, without a daemon.
#pragma once

#include "ctl/exit_code.hpp"
#include "ctl/output.hpp"

#include <string>

namespace finwait::ctl {

inline constexpr const char* kDefaultConfig = "/etc/finwaitd/finwaitd.toml";

/// Errors go to `err`, a line each, or with `json` to `out` as an array.
[[nodiscard]] ExitCode check_config(const std::string& file, bool json, Output& out, Output& err);

}  // namespace finwait::ctl
