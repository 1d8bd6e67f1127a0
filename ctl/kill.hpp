// finwaitctl kill: shows what it will end, asks, ends exactly that, and waits to see how it came out.
#pragma once

#include "ctl/invocation.hpp"

namespace finwait::ctl {

[[nodiscard]] ExitCode kill_flows(const Invocation& call, Terminal& terminal);

}  // namespace finwait::ctl
