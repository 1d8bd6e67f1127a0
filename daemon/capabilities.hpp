// The capabilities that finwaitd lives by (capabilities(7)): which of them this process lacks, and the one
// that is given up at once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace finwait::daemon {

/// Their names, such as "CAP_NET_ADMIN"; empty when all are there.
[[nodiscard]] std::vector<std::string> missing_capabilities();

/// From now on this process may own what it opens by `group`, which needs not exist, and by no further one:
/// it becomes the saved group id, and the right to choose any (CAP_SETGID) is given up. Before there are
/// threads.
void keep_group(std::uint32_t group);

}  // namespace finwait::daemon
