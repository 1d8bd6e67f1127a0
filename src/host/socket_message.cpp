#include "host/socket_message.hpp"

#include "netfilter/attributes.hpp"
#include "netfilter/netlink_error.hpp"

#include <cerrno>
#include <netinet/tcp.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

namespace finwait::host {
namespace {

using tcp::State;

/// What inet_twsk_diag_fill() (net/ipv4/inet_diag.c) has for a timer.
constexpr std::uint8_t kRecordTimer = 3;

State state_of(std::uint8_t kernel) {
    switch (kernel) {
        case TCP_ESTABLISHED: return State::established;
        case TCP_SYN_SENT: return State::syn_sent;
        case TCP_SYN_RECV: return State::syn_received;
        case TCP_FIN_WAIT1: return State::fin_wait_1;
        case TCP_FIN_WAIT2: return State::fin_wait_2;
        case TCP_TIME_WAIT: return State::time_wait;
        case TCP_CLOSE: return State::closed;
        case TCP_CLOSE_WAIT: return State::close_wait;
        case TCP_LAST_ACK: return State::last_ack;
        case TCP_LISTEN: return State::listen;
        case TCP_CLOSING: return State::closing;
        default: return State::unknown;
    }
}

}  // namespace

using netfilter::read;

bool answers(std::span<const char> message, std::uint32_t sequence) {
    nlmsghdr head{};
    return read(message, head) && head.nlmsg_seq == sequence;
}

SocketAnswer read_answer(std::span<const char> message) {
    nlmsghdr head{};
    if (!read(message, head)) return {EBADMSG, {}, false};
    const std::span<const char> body = message.subspan(NLMSG_HDRLEN);
    if (head.nlmsg_type == NLMSG_ERROR) {
        std::int32_t error = 0;
        return {read(body, error) ? netfilter::error_number(error) : EBADMSG, {}, false};
    }
    inet_diag_msg found{};
    if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || !read(body, found)) return {EBADMSG, {}, false};
    Socket socket;
    socket.state = state_of(found.idiag_state);
    socket.record = found.idiag_timer == kRecordTimer;
    socket.orphaned = found.idiag_inode == 0;
    socket.device = found.id.idiag_if;
    socket.cookie = {found.id.idiag_cookie[0], found.id.idiag_cookie[1]};
    return {0, socket, socket.state == State::listen};
}

}  // namespace finwait::host
