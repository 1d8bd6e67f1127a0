#include "netfilter/guard_process.hpp"

#include "netfilter/queue_socket.hpp"
#include "netfilter/verdicts.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace finwait::netfilter {
namespace {

/// The guard counts its own looks, not seconds: on a machine that is so busy that the guard itself gets no
/// time, or that was suspended, the daemon has had none either.
constexpr int kLookMilliseconds = 250;
/// So many looks in succession that find packets waiting and the reader where it was: of a stopped daemon,
/// and of one that runs and may only be slow.
constexpr unsigned kLooksStopped = 2;
constexpr unsigned kLooksRunning = 8;

constexpr std::uint32_t kFarAhead = 1U << 30U;
constexpr char kName[] = "finwait-guard";

struct Watched {
    int socket;
    std::uint16_t number;
    QueuePulse* pulse;
    std::uint32_t beats = 0;
    unsigned still = 0;  // looks
};

void take_name(int argc, char** argv) {
    prctl(PR_SET_NAME, kName);
    if (argc < 1) return;
    char* const begin = argv[0];
    char* const end = argv[argc - 1] + std::strlen(argv[argc - 1]);
    const std::size_t room = static_cast<std::size_t>(end - begin);
    std::memset(begin, 0, room);
    std::memcpy(begin, kName, std::min(room, sizeof kName - 1));
}

/// The guard ends when the daemon does, and by nothing that is sent to both: a service manager's SIGTERM, a
/// terminal's Ctrl-C or Ctrl-Z.
void stand_apart(pid_t daemon) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != daemon) _exit(0);
    setsid();
    for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU})
        std::signal(number, SIG_IGN);
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (nowhere >= 0) dup2(nowhere, fd);
}

/// Opened at once: later, when the daemon's credentials have changed, it could be hidden.
int open_status(pid_t daemon) {
    return open(("/proc/" + std::to_string(daemon) + "/stat").c_str(), O_RDONLY | O_CLOEXEC);
}

/// By a signal, or by a debugger. The state follows the name in brackets, which may hold any character.
bool is_stopped(int status) {
    std::array<char, 512> text{};
    const ssize_t n = status < 0 ? -1 : pread(status, text.data(), text.size(), 0);
    if (n <= 0) return false;
    const std::string_view line(text.data(), static_cast<std::size_t>(n));
    const std::size_t at = line.rfind(')');
    if (at == line.npos || at + 2 >= line.size()) return false;
    return line[at + 2] == 'T' || line[at + 2] == 't';
}

/// False when the daemon has ended.
bool take_order(int channel, QueuePulse* pulses, std::vector<Watched>& queues) {
    GuardOrder order{};
    iovec body{&order, sizeof order};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &body;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t n = recvmsg(channel, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    const cmsghdr* const rights = CMSG_FIRSTHDR(&message);
    if (n != sizeof order || rights == nullptr || order.pulse >= QueueGuard::kMostQueues) return n != 0;
    int socket = -1;
    std::memcpy(&socket, CMSG_DATA(rights), sizeof socket);
    queues.push_back({socket, order.number, pulses + order.pulse});
    return true;
}

bool has_packets(int socket) {
    pollfd readable{socket, POLLIN, 0};
    return poll(&readable, 1, 0) == 1 && (readable.revents & POLLIN) != 0;
}

/// First nothing more is queued, then all that is queued goes its way: nothing is left between the two.
void open_queue(const Watched& queue) {
    queue.pulse->state = QueuePulse::State::opening;
    set_queue_length(queue.socket, queue.number, 0);
    Verdicts verdicts(queue.number);
    verdicts.accept(queue.pulse->last_id + kFarAhead);
    (void)verdicts.flush(queue.socket);
    queue.pulse->state = QueuePulse::State::open;
}

/// Whether it has stood still for too long.
bool look(Watched& queue, bool stopped) {
    const std::uint32_t beats = queue.pulse->beats;
    const bool stands = beats == queue.beats && queue.pulse->state == QueuePulse::State::watched &&
                        (queue.pulse->deciding || has_packets(queue.socket));
    queue.beats = beats;
    queue.still = stands ? queue.still + 1 : 0;
    if (queue.still < (stopped ? kLooksStopped : kLooksRunning)) return false;
    queue.still = 0;
    return true;
}

/// Where the daemon is stopped all its threads are: a packet in another queue need not wait as long again.
void look(std::vector<Watched>& queues, bool stopped) {
    bool any = false;
    for (Watched& queue : queues) {
        if (!look(queue, stopped)) continue;
        any = true;
        open_queue(queue);
    }
    for (const Watched& queue : queues)
        if (any && stopped && queue.pulse->state == QueuePulse::State::watched) open_queue(queue);
}

}  // namespace

void run_guard(int channel, QueuePulse* pulses, pid_t daemon, int argc, char** argv) {
    stand_apart(daemon);
    take_name(argc, argv);
    const int status = open_status(daemon);
    std::vector<Watched> queues;
    for (;;) {
        pollfd order{channel, POLLIN, 0};
        const int n = poll(&order, 1, kLookMilliseconds);
        if (n > 0) {
            if (!take_order(channel, pulses, queues)) _exit(0);
            continue;
        }
        look(queues, is_stopped(status));
    }
}

}  // namespace finwait::netfilter
