// What a running daemon takes over from a configuration that has changed: the table of keys says it
// (keys.hpp).
#pragma once

#include "config/settings.hpp"

#include <string>
#include <vector>

namespace finwait::config {

/// Copies from `fresh` to `in_force` all policies, and each key that needs no restart. Returns the keys that
/// differ and do need one, such as "intercept.queues".
[[nodiscard]] std::vector<std::string> take_over(const Settings& fresh, Settings& in_force);

}  // namespace finwait::config
