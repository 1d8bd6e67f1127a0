#include "host/socket_message.hpp"

#include "netfilter/attributes.hpp"
#include "netfilter/netlink_error.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/tcp.h>
#include <sys/socket.h>

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

tcp::Endpoint endpoint_of(std::uint8_t family, const std::uint32_t (&address)[4], std::uint16_t port) {
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), address, bytes.size());
    const auto read_as = family == AF_INET ? tcp::Address::v4(std::span(bytes).first<4>())
                                           : tcp::Address::v6(std::span(bytes));
    return {read_as, ntohs(port)};
}

Socket socket_of(const inet_diag_msg& found) {
    Socket socket;
    socket.state = state_of(found.idiag_state);
    socket.record = found.idiag_timer == kRecordTimer;
    socket.orphaned = found.idiag_inode == 0;
    socket.device = found.id.idiag_if;
    socket.cookie = {found.id.idiag_cookie[0], found.id.idiag_cookie[1]};
    return socket;
}

/// A FIN without data counts as an acknowledgment, a keepalive and its answer too: the shortest of the three
/// is never longer than nothing has passed.
Duration idle_of(const tcp_info& info) {
    const auto least =
        std::min({info.tcpi_last_data_sent, info.tcpi_last_data_recv, info.tcpi_last_ack_recv});
    return std::chrono::milliseconds(least);
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
    const Socket socket = socket_of(found);
    return {0, socket, socket.state == State::listen};
}

std::optional<ListedSocket> read_listed(std::span<const char> message) {
    nlmsghdr head{};
    inet_diag_msg found{};
    if (!read(message, head) || head.nlmsg_type != SOCK_DIAG_BY_FAMILY) return std::nullopt;
    if (head.nlmsg_len > message.size() || !read(message.subspan(NLMSG_HDRLEN), found)) return std::nullopt;
    ListedSocket listed;
    listed.local = endpoint_of(found.idiag_family, found.id.idiag_src, found.id.idiag_sport);
    listed.remote = endpoint_of(found.idiag_family, found.id.idiag_dst, found.id.idiag_dport);
    listed.socket = socket_of(found);
    constexpr std::size_t kFixed = NLMSG_ALIGN(NLMSG_HDRLEN + sizeof found);
    const auto attributes =
        message.first(head.nlmsg_len).subspan(std::min<std::size_t>(kFixed, head.nlmsg_len));
    netfilter::each_attribute(attributes, [&listed](int type, std::span<const char> body) {
        tcp_info info{};
        if (type == INET_DIAG_INFO && read(body, info)) listed.idle = idle_of(info);
    });
    return listed;
}

}  // namespace finwait::host
