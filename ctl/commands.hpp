// The subcommands that are a question to the daemon and its answer, or little more. The others have files of
// their own.
#pragma once

#include "ctl/invocation.hpp"

namespace finwait::ctl {

[[nodiscard]] ExitCode show(const Invocation& call, Terminal& terminal);
[[nodiscard]] ExitCode explain(const Invocation& call, Terminal& terminal);
[[nodiscard]] ExitCode stats(const Invocation& call, Terminal& terminal);
[[nodiscard]] ExitCode policies(const Invocation& call, Terminal& terminal);
[[nodiscard]] ExitCode rules(const Invocation& call, Terminal& terminal);
[[nodiscard]] ExitCode reload(const Invocation& call, Terminal& terminal);
[[nodiscard]] ExitCode check(const Invocation& call, Terminal& terminal);
[[nodiscard]] ExitCode version(const Invocation& call, Terminal& terminal);

}  // namespace finwait::ctl
