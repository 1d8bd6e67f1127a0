// The subcommands of finwaitctl as one table: what they are called, what they take, and the function that
// does it.
#pragma once

#include "ctl/invocation.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace finwait::ctl {

enum class Operand : std::uint8_t {
    none,
    filter,
    counted,
    events,
    listed,
    victims,
    id,
    file,
    backend,
    policy,
    capture
};

struct Subcommand {
    std::string_view name;
    Operand operand;
    bool required;
    std::string_view help;
    ExitCode (*run)(const Invocation&, Terminal&);
    std::string_view details = {};   // for its own --help
    std::string_view examples = {};  // likewise, a line each
};

/// The first one is what finwaitctl does without any.
[[nodiscard]] std::span<const Subcommand> subcommands();

}  // namespace finwait::ctl
