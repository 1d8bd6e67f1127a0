// finwaitctl: inspects and steers a running finwaitd.
#include "ctl/options.hpp"

#include <csignal>
#include <cstring>
#include <exception>
#include <iostream>
#include <string>
#include <unistd.h>

namespace {

using finwait::ctl::ExitCode;
using finwait::ctl::Output;

/// Only "y" and "yes" are consent; the end of the input is none.
bool says_yes(const std::string& question, Output& out, Output& err) {
    out.flush();  // what the question is about
    err.write(question);
    err.flush();
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

ExitCode run(int argc, char** argv, Output& out, Output& err) {
    const auto parsed = finwait::ctl::parse_command_line(argc, argv, out, err);
    if (const auto* code = std::get_if<ExitCode>(&parsed)) return *code;
    const auto& line = std::get<finwait::ctl::CommandLine>(parsed);
    finwait::ctl::Terminal terminal{out,
                                    err,
                                    finwait::ctl::terminal_width(STDOUT_FILENO),
                                    finwait::ctl::use_colours(line.call.colours, STDOUT_FILENO),
                                    {}};
    if (::isatty(STDIN_FILENO) != 0 && ::isatty(STDERR_FILENO) != 0)
        terminal.ask = [&](const std::string& question) { return says_yes(question, out, err); };
    return line.run(terminal);
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
