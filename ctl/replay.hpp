// `finwaitctl replay`: a capture through the tracker and the policies, without a daemon and without root.
#pragma once

#include "ctl/invocation.hpp"

namespace finwait::ctl {

/// Prints what was read even when the capture is broken; then says where, and fails.
[[nodiscard]] ExitCode replay_capture(const Invocation& call, Terminal& terminal);

}  // namespace finwait::ctl
