// finwaitctl: inspects and steers a running finwaitd.
#include "ctl/options.hpp"

#include <csignal>
#include <cstring>
#include <exception>
#include <string>
#include <unistd.h>

namespace {

using finwait::ctl::ExitCode;
using finwait::ctl::Output;

ExitCode run(int argc, char** argv, Output& out, Output& err) {
    const auto parsed = finwait::ctl::parse_command_line(argc, argv, out, err);
    if (const auto* code = std::get_if<ExitCode>(&parsed)) return *code;
    const auto& call = std::get<finwait::ctl::Invocation>(parsed);
    finwait::ctl::Terminal terminal{out, err, finwait::ctl::terminal_width(STDOUT_FILENO)};
    return call.subcommand->run(call, terminal);
}

}  // namespace

int main(int argc, char** argv) {
    // A reader that goes away shows as EPIPE: Output ends quietly.
    std::signal(SIGPIPE, SIG_IGN);
    Output out(STDOUT_FILENO);
    Output err(STDERR_FILENO);
    ExitCode code = ExitCode::failed;
    try {
        code = run(argc, argv, out, err);
    } catch (const std::exception& problem) {
        err.write(std::string("finwaitctl: ") + problem.what() + "\n");
    }
    out.flush();
    if (out.error() != 0) {
        err.write(std::string("finwaitctl: writing the output: ") + std::strerror(out.error()) + "\n");
        code = ExitCode::failed;
    }
    return static_cast<int>(code);
}
