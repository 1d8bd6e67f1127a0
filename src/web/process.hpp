// What this process uses of the machine, as Prometheus' client libraries tell it of theirs.
#pragma once

#include <cstdint>

namespace finwait::web {

struct Process {
    double cpu_seconds = 0;
    double start_time_seconds = 0;  // since 1970
    std::uint64_t resident_bytes = 0;
    std::uint64_t virtual_bytes = 0;
    std::uint64_t open_fds = 0;
    std::uint64_t max_fds = 0;
    std::uint64_t threads = 0;
};

/// From /proc/self; zeros where it cannot be read.
[[nodiscard]] Process look_at_process();

}  // namespace finwait::web
