// finwaitctl events: what has happened, one event a line.
#pragma once

#include "ctl/invocation.hpp"

namespace finwait::ctl {

[[nodiscard]] ExitCode print_events(const Invocation& call, Terminal& terminal);

}  // namespace finwait::ctl
