// finwaitctl list: flows as they come from the daemon, or sorted, as a table, JSON or tab-separated fields.
#pragma once

#include "ctl/invocation.hpp"

namespace finwait::ctl {

[[nodiscard]] ExitCode list_flows(const Invocation& call, Terminal& terminal);

}  // namespace finwait::ctl
