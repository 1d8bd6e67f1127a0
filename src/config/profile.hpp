// What a profile puts into [timeouts] where the configuration sets nothing itself.
#pragma once

#include "config/settings.hpp"

namespace finwait::config {

/// `normal` is what policy::Timeouts begins with.
[[nodiscard]] policy::Timeouts preset(Profile profile);

}  // namespace finwait::config
