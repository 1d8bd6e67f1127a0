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
[[nodiscard]] Finding marks(const RulesFound& mark_copies, const config::Settings& settings);

/// What nobody sees while finwaitd does not run, because no rule but finwaitd's own, which it removes when it
/// stops, makes conntrack track. `found`: the rules of others that do.
[[nodiscard]] Finding tracking(const RulesFound& found, const config::Settings& settings);

/// finwaitd's own rules: missing, left by a run that was killed, or in two backends at once.
[[nodiscard]] Finding own_rules(const Facts& facts, const config::Settings& settings);

[[nodiscard]] std::vector<Finding> findings(const Facts& facts, const config::Settings& settings);

}  // namespace finwait::machine
