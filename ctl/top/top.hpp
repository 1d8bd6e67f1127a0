// finwaitctl top: the flows, live.
#pragma once

#include "ctl/invocation.hpp"

namespace finwait::ctl {

[[nodiscard]] ExitCode run_top(const Invocation& call, Terminal& terminal);

}  // namespace finwait::ctl
