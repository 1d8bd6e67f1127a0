#include "netfilter/queue_socket.hpp"

#include "netfilter/queue_message.hpp"
#include "netfilter/queue_status.hpp"
#include "netfilter/verdicts.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/sock_diag.h>

namespace finwait::netfilter {
namespace {

constexpr std::uint32_t kSequence = 1;
/// Of the receive buffer, for each packet, as setsockopt() takes it; the kernel doubles it. Full before the
/// queue's length is reached, where a loss would leave no gap in the ids: a message takes 832 bytes of it on
/// Linux 6.18, more on older kernels.
constexpr std::uint32_t kBufferPerPacket = 384;

QueueError failure(std::uint16_t number, const std::string& what, int error) {
    return {"queue " + std::to_string(number) + ": " + what + ": " + std::strerror(error),
            error == EPERM || error == EACCES};
}

/// Why binding failed, and what to do. The kernel says EPERM both to a process without the right and when the
/// queue is held by another (nfqnl_recv_config, net/netfilter/nfnetlink_queue.c); /proc tells which.
QueueError refusal(const QueueOptions& options, int error) {
    const std::string queue = "queue " + std::to_string(options.number);
    if (error == EPERM || error == EBUSY) {
        if (const auto status = queue_status(options.number)) {
            return {queue + " is held by another process (" + describe_holder(status->port) +
                    "): stop it, or choose another intercept.first_queue"};
        }
    }
    if (error == EPERM) return {queue + ": not permitted: finwaitd needs CAP_NET_ADMIN", true};
    if (error == EINVAL || error == EOPNOTSUPP) {
        return {queue + ": this kernel does not offer NFQUEUE (" + std::strerror(error) +
                "): try modprobe nfnetlink_queue"};
    }
    return failure(options.number, "cannot bind", error);
}

template<typename Value>
bool set(int fd, int level, int option, const Value& value) {
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

void tune(int fd, const QueueOptions& options) {
    const int bytes = static_cast<int>(options.max_length * kBufferPerPacket);
    // Without CAP_NET_ADMIN the limit net.core.rmem_max holds; a smaller buffer only loses earlier, and says
    // so.
    if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes)) (void)set(fd, SOL_SOCKET, SO_RCVBUF, bytes);
    // A full buffer must not stop reception until the error is read; the gaps in the ids tell of the loss.
    (void)set(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1);
}

/// One message for all settings, so that no packet can meet a queue that is bound and does not copy yet: the
/// kernel would drop it. A queue of length 0 is always full, and fails open.
nlmsghdr* bind_message(char* buffer, const QueueOptions& options) {
    constexpr std::uint32_t kFlags = NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN;
    nlmsghdr* message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, options.number);
    message->nlmsg_flags |= NLM_F_ACK;
    message->nlmsg_seq = kSequence;
    nfq_nlmsg_cfg_put_cmd(message, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
    nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, static_cast<int>(options.copy_range));
    nfq_nlmsg_cfg_put_qmaxlen(message, 0);
    mnl_attr_put_u32(message, NFQA_CFG_FLAGS, htonl(kFlags));
    mnl_attr_put_u32(message, NFQA_CFG_MASK, htonl(kFlags));
    return message;
}

/// Without NLM_F_ACK: an answer would stand among the packets.
void tell(int fd, const nlmsghdr* message) {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    while (sendto(fd, message, message->nlmsg_len, 0, reinterpret_cast<const sockaddr*>(&kernel),
                  sizeof kernel) < 0 &&
           errno == EINTR) {
    }
}

}  // namespace

void set_queue_length(int socket, std::uint16_t number, std::uint32_t packets) {
    std::array<char, 128> out{};
    nlmsghdr* message = nfq_nlmsg_put(out.data(), NFQNL_MSG_CONFIG, number);
    nfq_nlmsg_cfg_put_qmaxlen(message, packets);
    tell(socket, message);
}

/// The socket's own count: /proc/net/netfilter/nfnetlink_queue is for root, and counts nothing where a queue
/// fails open.
std::uint32_t QueueSocket::drops() const {
    std::array<std::uint32_t, SK_MEMINFO_VARS> values{};
    socklen_t size = sizeof values;
    if (getsockopt(fd_, SOL_SOCKET, SO_MEMINFO, values.data(), &size) != 0) return 0;
    return values[SK_MEMINFO_DROPS];
}

void QueueSocket::unbind(std::uint16_t number) const {
    std::array<char, 128> out{};
    nlmsghdr* message = nfq_nlmsg_put(out.data(), NFQNL_MSG_CONFIG, number);
    nfq_nlmsg_cfg_put_cmd(message, AF_UNSPEC, NFQNL_CFG_CMD_UNBIND);
    tell(fd_, message);
}

QueueSocket::~QueueSocket() {
    if (fd_ >= 0) close(fd_);
}

std::optional<QueueError> QueueSocket::configure(const QueueOptions& options) {
    std::array<char, 512> out{};
    const nlmsghdr* message = bind_message(out.data(), options);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (sendto(fd_, message, message->nlmsg_len, 0, reinterpret_cast<const sockaddr*>(&kernel),
               sizeof kernel) < 0) {
        return failure(options.number, "cannot send to the kernel", errno);
    }

    // Packets may come before the answer.
    Verdicts verdicts(options.number);
    std::array<char, 4096> in{};
    for (;;) {
        const ssize_t n = recv(fd_, in.data(), in.size(), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failure(options.number, "no answer from the kernel", errno);
        const QueueMessage answer = read_message({in.data(), static_cast<std::size_t>(n)});
        if (answer.kind == QueueMessage::Kind::packet) {
            verdicts.accept(answer.packet.id);  // unseen: a gap in the ids will tell
        } else if (answer.kind == QueueMessage::Kind::error) {
            if (answer.error != 0) return refusal(options, answer.error);
            (void)verdicts.flush(fd_);
            return std::nullopt;
        }
    }
}

std::variant<QueueSocket, QueueError> QueueSocket::open(const QueueOptions& options) {
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (fd < 0) {
        QueueError error = failure(options.number, "cannot open a netlink socket", errno);
        if (errno == EPROTONOSUPPORT) error.message += ": try modprobe nfnetlink_queue";
        return error;
    }
    QueueSocket self(fd);
    sockaddr_nl any{};
    any.nl_family = AF_NETLINK;
    if (bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) {
        return failure(options.number, "cannot bind a netlink socket", errno);
    }
    // Only while binding: afterwards nothing waits.
    const timeval patience{5, 0};
    (void)set(fd, SOL_SOCKET, SO_RCVTIMEO, patience);
    tune(fd, options);
    if (auto error = self.configure(options)) return std::move(*error);
    return self;
}

}  // namespace finwait::netfilter
