// Runs a test in a network namespace of its own, which vanishes with it. Needs root.
#pragma once

#include <cerrno>
#include <cstring>
#include <net/if.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace finwait::test {

/// Skips the test that calls it, unless it may make namespaces.
#define FINWAIT_NEEDS_ROOT(why)                                  \
    if (geteuid() != 0) GTEST_SKIP() << "needs root: " << (why); \
    static_assert(true, "a semicolon follows")

inline bool raise_loopback() {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    const bool up = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    close(fd);
    return up;
}

/// Calls `test` on a thread whose network namespace holds nothing but a loopback device that is up; what it
/// starts is in there, too. Empty, or why that could not be done.
template<typename Test>
std::string in_own_namespace(Test test) {
    std::string failure;
    std::thread([&] {
        if (unshare(CLONE_NEWNET) != 0) {
            failure = std::string("unshare: ") + std::strerror(errno);
        } else if (!raise_loopback()) {
            failure = std::string("loopback: ") + std::strerror(errno);
        } else {
            test();
        }
    }).join();
    return failure;
}

}  // namespace finwait::test
