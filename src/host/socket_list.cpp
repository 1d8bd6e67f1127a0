#include "host/socket_list.hpp"

#include "netfilter/attributes.hpp"
#include "netfilter/netlink_error.hpp"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

namespace finwait::host {
namespace {

struct Request {
    nlmsghdr head;
    inet_diag_req_v2 body;
};

/// IPv4 over a dual-stack socket is among those of IPv6.
constexpr std::array kFamilies = {AF_INET, AF_INET6};
constexpr std::uint32_t kStates =
    1U << TCP_ESTABLISHED | 1U << TCP_FIN_WAIT2 | 1U << TCP_CLOSE_WAIT | 1U << TCP_LISTEN;
/// The kernel writes 32 KiB at a time at most (netlink_dump(), net/netlink/af_netlink.c).
constexpr std::size_t kRoom = 64U << 10U;

SocketError failure(const char* what, int error) {
    return {std::string("this machine's own sockets cannot be listed: ") + what + ": " +
            std::strerror(error)};
}

}  // namespace

std::variant<SocketList, SocketError> SocketList::open() {
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) return failure("no netlink socket", errno);
    SocketList self(fd);
    if (auto error = self.ask()) return std::move(*error);
    return self;
}

SocketList& SocketList::operator=(SocketList&& other) noexcept {
    std::swap(fd_, other.fd_);
    sequence_ = other.sequence_;
    family_ = other.family_;
    return *this;
}

SocketList::~SocketList() {
    if (fd_ >= 0) close(fd_);
}

std::optional<SocketError> SocketList::ask() {
    Request request{};
    request.head.nlmsg_len = sizeof request;
    request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.head.nlmsg_seq = ++sequence_;
    request.body.sdiag_family = static_cast<std::uint8_t>(kFamilies[family_]);
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_ext = 1U << (INET_DIAG_INFO - 1U);
    request.body.idiag_states = kStates;
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (sendto(fd_, &request, sizeof request, 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) <
        0)
        return failure("asking", errno);
    return std::nullopt;
}

std::variant<std::vector<ListedSocket>, SocketError> SocketList::next_piece() {
    std::vector<ListedSocket> piece;
    std::vector<char> room(kRoom);
    while (piece.empty() && family_ < kFamilies.size()) {
        sockaddr_nl sender{};
        socklen_t length = sizeof sender;
        // Each part is there before the one before it has been read.
        const ssize_t n = recvfrom(fd_, room.data(), room.size(), MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&sender), &length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failure("reading", errno);
        if (sender.nl_pid != 0) continue;  // any process may write to our port
        int error = 0;
        const bool over = take({room.data(), static_cast<std::size_t>(n)}, piece, error);
        if (error != 0) return failure("it refuses", error);
        if (!over || ++family_ == kFamilies.size()) continue;
        if (auto problem = ask()) return std::move(*problem);
    }
    return piece;
}

/// True at the end of the list.
bool SocketList::take(std::span<const char> datagram, std::vector<ListedSocket>& piece, int& error) const {
    nlmsghdr head{};
    while (netfilter::read(datagram, head) && head.nlmsg_len >= sizeof head &&
           head.nlmsg_len <= datagram.size()) {
        const auto message = datagram.first(head.nlmsg_len);
        if (head.nlmsg_seq == sequence_) {
            std::int32_t number = 0;
            const bool numbered = netfilter::read(message.subspan(NLMSG_HDRLEN), number);
            const bool failed = head.nlmsg_type == NLMSG_ERROR || head.nlmsg_type == NLMSG_DONE;
            if (failed && numbered && number != 0) error = netfilter::error_number(number);
            if (failed) return true;
            if (const auto listed = read_listed(message)) piece.push_back(*listed);
        }
        datagram = datagram.subspan(std::min<std::size_t>(NLMSG_ALIGN(head.nlmsg_len), datagram.size()));
    }
    return false;
}

}  // namespace finwait::host
