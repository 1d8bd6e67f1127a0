// What the guard's process does (see queue_guard.hpp).
#pragma once

#include "netfilter/queue_guard.hpp"

#include <cstdint>
#include <sys/types.h>

namespace finwait::netfilter {

/// Comes with the socket of a queue that is to be watched.
struct GuardOrder {
    std::uint16_t number;  // of the queue
    std::uint16_t pulse;   // its place in the shared memory
};

/// Runs until the process at the other end of `channel` ends.
[[noreturn]] void run_guard(int channel, QueuePulse* pulses, pid_t daemon, int argc, char** argv);

}  // namespace finwait::netfilter
