// finwaitctl count: how many flows there are, or how many of each kind.
#pragma once

#include "ctl/invocation.hpp"

namespace finwait::ctl {

[[nodiscard]] ExitCode count_flows(const Invocation& call, Terminal& terminal);

}  // namespace finwait::ctl
