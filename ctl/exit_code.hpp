// What finwaitctl's exit status says to scripts. Stable.
#pragma once

#include "control/client.hpp"
#include "control/protocol.hpp"

namespace finwait::ctl {

enum class ExitCode : int {
    done = 0,
    failed = 1,         // also: nothing matched a kill, no such flow
    bad_input = 2,      // command line, filter or configuration
    unreachable = 3,    // no daemon answers
    not_permitted = 4,  // not for this user: the socket, or the change
};

[[nodiscard]] ExitCode exit_code(control::ErrorCode code);
[[nodiscard]] ExitCode exit_code(control::ConnectFailure failure);

}  // namespace finwait::ctl
