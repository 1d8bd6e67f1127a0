#include "load/namespace.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>
#include <utility>

namespace finwait::bench {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

Descriptor::~Descriptor() {
    if (fd_ >= 0) close(fd_);
}

void require(bool good, const std::string& what) {
    if (good) return;
    std::fprintf(stderr, "%s: %s\n", what.c_str(), std::strerror(errno));
    std::exit(1);
}

Entered::Entered(const std::string& name) : before_(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    const Descriptor there(open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC));
    require(before_.get() >= 0 && there.get() >= 0, "network namespace " + name);
    require(setns(there.get(), CLONE_NEWNET) == 0, "entering the network namespace " + name);
}

Entered::~Entered() {
    require(setns(before_.get(), CLONE_NEWNET) == 0, "leaving a network namespace");
}

}  // namespace finwait::bench
