// The subcommands of finwaitctl as one table: what they are called, what they take, and the function that
// does it.
#pragma once

#include "ctl/exit_code.hpp"
#include "ctl/output.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace finwait::ctl {

/// What the command line said.
struct Invocation {
    const struct Subcommand* subcommand = nullptr;
    std::string operand;  // the words after the subcommand, joined
    std::string socket;
    std::string backend;
    bool json = false;
    std::string config;                         // of replay: whose policies; empty: the built-in ones
    std::string flow;                           // of replay: the one to show, by number or id; empty: all
    bool yes = false;                           // of kill: do not ask
    bool wait = true;                           // of kill: until it is known how each flow ended
    std::chrono::milliseconds pause{200};       // of kill: between two looks
    std::chrono::milliseconds patience{15000};  // of kill: without anything new
    std::string resume;                         // of policy: the one to let go on
    bool system = false;                        // of check: this machine too
    bool verbose = false;                       // of list: how the sides know each other
};

/// Where a subcommand writes.
struct Terminal {
    Output& out;
    Output& err;
    std::optional<std::size_t> width;  // of `out`, if it is one
    /// Puts a question to whoever sits there; whether the answer was yes. Empty when nobody does.
    std::function<bool(const std::string& question)> ask = {};
};

enum class Operand : std::uint8_t { none, filter, listed, victims, id, file, backend, policy, capture };

struct Subcommand {
    std::string_view name;
    Operand operand;
    bool required;
    std::string_view help;
    ExitCode (*run)(const Invocation&, Terminal&);
    std::string_view details = {};  // for its own --help
};

/// The first one is what finwaitctl does without any.
[[nodiscard]] std::span<const Subcommand> subcommands();

}  // namespace finwait::ctl
