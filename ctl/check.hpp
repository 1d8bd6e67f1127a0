// Validates a configuration on this machine, without a daemon.
#pragma once

#include "ctl/invocation.hpp"

#include <string>

namespace finwait::ctl {

inline constexpr const char* kDefaultConfig = "/etc/finwaitd/finwaitd.toml";

/// Names each file that was read. Errors go to `err`, a line each, or with `json` to `out` as an array;
/// warnings always go to `err`, and are no failure.
[[nodiscard]] ExitCode check_config(const std::string& file, const Invocation& call, Output& out,
                                    Output& err);

}  // namespace finwait::ctl
