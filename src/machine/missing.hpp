// What a configuration names and this machine has not: CPUs and groups. finwaitd works without them, and a
// configuration may be checked on another machine than its own: each is a warning.
#pragma once

#include "config/settings.hpp"
#include "machine/findings.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace finwait::machine {

struct Inventory {
    std::vector<std::uint16_t> cpus;  // those that are online; empty: not known
    std::function<bool(const std::string&)> has_group;
};

/// Of this machine. The name service is asked for groups, and waited for.
[[nodiscard]] Inventory inventory();

[[nodiscard]] std::vector<Finding> missing(const config::Settings& settings, const Inventory& inventory);

}  // namespace finwait::machine
