// What a subcommand is given: what the command line said, and where to write. It knows nothing of the table
// of subcommands, nor of how a command line is read.
#pragma once

#include "ctl/exit_code.hpp"
#include "ctl/output.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace finwait::ctl {

/// What the command line said.
struct Invocation {
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
    int verbose = 0;                            // of list: 1 how the sides know each other, 2 all else
    bool tsv = false;                           // of list: fields for programs
    bool pretty = false;                        // with json: for people
    bool header = true;                         // of list and count: the first line, of names
    std::string sort;                           // of list: a word of sort_words(), "-" before it: descending
    std::optional<std::size_t> limit;           // of list and count: so many lines at most
    bool resolve = false;                       // of list: names for addresses and ports
    std::string by;                             // of count: what to group by; empty: nothing
    Colours colours = Colours::automatic;
    std::vector<std::string> types = {};  // of events: these only
    bool follow = false;                  // of events: go on
    bool fresh = false;                   // of events: not those of before
    bool text = false;                    // of events: for people
};

/// Where a subcommand writes.
struct Terminal {
    Output& out;
    Output& err;
    std::optional<std::size_t> width;  // of `out`, if it is one
    bool colours = false;              // on `out`
    /// Asks the person at the terminal a question; returns whether the answer was yes. Empty where there is
    /// no person, as in a script.
    std::function<bool(const std::string& question)> ask = {};
};

}  // namespace finwait::ctl
