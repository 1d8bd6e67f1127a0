// Which of the capabilities that finwaitd lives by this process lacks (capabilities(7)).
#pragma once

#include <string>
#include <vector>

namespace finwait::daemon {

/// Their names, such as "CAP_NET_ADMIN"; empty when all are there.
[[nodiscard]] std::vector<std::string> missing_capabilities();

}  // namespace finwait::daemon
