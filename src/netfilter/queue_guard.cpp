#include "netfilter/queue_guard.hpp"

#include "netfilter/guard_process.hpp"

#include <array>
#include <cassert>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace finwait::netfilter {
namespace {

constexpr std::size_t kMemory = QueueGuard::kMostQueues * sizeof(QueuePulse);

std::string failure(const char* what) {
    return std::string("a stopped finwaitd will hold packets back, for its guard cannot be started: ") +
           what + ": " + std::strerror(errno);
}

}  // namespace

std::variant<std::unique_ptr<QueueGuard>, std::string> QueueGuard::start(int argc, char** argv) {
    void* const memory = mmap(nullptr, kMemory, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return failure("mmap");
    std::array<int, 2> channel{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel.data()) != 0) {
        const std::string problem = failure("socketpair");
        munmap(memory, kMemory);
        return problem;
    }
    auto* const pulses = static_cast<QueuePulse*>(memory);
    for (std::size_t i = 0; i < kMostQueues; ++i)
        new (pulses + i) QueuePulse;
    const pid_t daemon = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        close(channel[0]);
        run_guard(channel[1], pulses, daemon, argc, argv);
    }
    if (pid < 0) {
        const std::string problem = failure("fork");
        close(channel[0]);
        close(channel[1]);
        munmap(memory, kMemory);
        return problem;
    }
    close(channel[1]);
    return std::unique_ptr<QueueGuard>(new QueueGuard(pid, channel[0], pulses));
}

QueuePulse* QueueGuard::new_pulse() {
    assert(used_ < kMostQueues);
    return pulses_ + used_++;
}

void QueueGuard::watch(const QueuePulse* pulse, std::uint16_t number, int socket) {
    GuardOrder order{number, static_cast<std::uint16_t>(pulse - pulses_)};
    iovec body{&order, sizeof order};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &body;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &socket, sizeof socket);
    while (sendmsg(channel_, &message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

void QueueGuard::note_end() {
    end();
    for (std::size_t i = 0; i < used_; ++i) {
        auto opening = QueuePulse::State::opening;
        pulses_[i].state.compare_exchange_strong(opening, QueuePulse::State::open);
    }
}

/// The memory stays: readers may still use their pulses.
void QueueGuard::end() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    close(channel_);
    channel_ = -1;
}

}  // namespace finwait::netfilter
