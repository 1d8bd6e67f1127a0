// What the machine's settings mean for a configuration of finwaitd, in sentences, each with what to do.
#pragma once

#include "config/settings.hpp"
#include "machine/facts.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::machine {

enum class Grade : std::uint8_t {
    good,
    unknown,  // could not be looked at
    warning,  // finwaitd works, but not as the configuration promises
    problem,  // it cannot work
};

[[nodiscard]] std::string_view name(Grade g);

struct Finding {
    Grade grade = Grade::good;
    std::string subject;  // one word
    std::string what;     // a sentence
    std::string advice;   // a sentence or a command; empty when nothing is to be done
};

/// Rules that carry finwaitd's bits from connections to packets, where they keep routing rules from matching,
/// or wipe them out of connections.
[[nodiscard]] Finding marks(const std::vector<std::string>& mark_copies, const config::Settings& settings);

/// What nobody sees while finwaitd does not run, because nothing makes conntrack track. `rules`: those that
/// make it; empty when they could not be asked for.
[[nodiscard]] Finding tracking(const std::optional<std::vector<std::string>>& rules,
                               const config::Settings& settings);

/// finwaitd's own rules: left by a run that was killed, or in two backends at once.
[[nodiscard]] Finding own_rules(const Facts& facts, const config::Settings& settings);

[[nodiscard]] std::vector<Finding> findings(const Facts& facts, const config::Settings& settings);

}  // namespace finwait::machine
