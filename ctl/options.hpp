// The command line, by CLI11, from the table of subcommands.
#pragma once

#include "ctl/subcommands.hpp"

#include <variant>

namespace finwait::ctl {

inline constexpr const char* kDefaultSocket = "/run/finwaitd/control.sock";

/// What the line asks for.
struct CommandLine {
    const Subcommand* subcommand;  // never null
    Invocation call;

    [[nodiscard]] ExitCode run(Terminal& terminal) const { return subcommand->run(call, terminal); }
};

/// What to do; or, when help was asked for or the line makes no sense, what to exit with after it has been
/// said.
[[nodiscard]] std::variant<CommandLine, ExitCode> parse_command_line(int argc, const char* const* argv,
                                                                     Output& out, Output& err);

}  // namespace finwait::ctl
