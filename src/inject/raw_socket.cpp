#include "inject/raw_socket.hpp"

#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <utility>

namespace finwait::inject {
namespace {

bool set(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/// Ports stay 0: a raw socket's address has none.
socklen_t write_destination(int family, const tcp::Address& to, sockaddr_in6& room) {
    if (family == AF_INET) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        std::memcpy(&v4.sin_addr, to.v4_bytes().data(), sizeof v4.sin_addr);
        std::memcpy(&room, &v4, sizeof v4);
        return sizeof v4;
    }
    room = {};
    room.sin6_family = AF_INET6;
    std::memcpy(&room.sin6_addr, to.bytes().data(), sizeof room.sin6_addr);
    return sizeof room;
}

/// Writes one control message behind those that are there.
void add_control(msghdr& header, int level, int type, const void* data, std::size_t size) {
    auto* const message =
        reinterpret_cast<cmsghdr*>(static_cast<char*>(header.msg_control) + header.msg_controllen);
    message->cmsg_level = level;
    message->cmsg_type = type;
    message->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(message), data, size);
    header.msg_controllen += CMSG_SPACE(size);
}

/// The source by which the route is chosen need not be the one in the packet's header (raw_sendmsg in
/// net/ipv4/raw.c, ip6_datagram_send_ctl in net/ipv6/datagram.c).
void write_origin(int family, const tcp::Address& origin, msghdr& header) {
    if (family == AF_INET) {
        in_pktinfo info{};
        std::memcpy(&info.ipi_spec_dst, origin.v4_bytes().data(), sizeof info.ipi_spec_dst);
        return add_control(header, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    }
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, origin.bytes().data(), sizeof info.ipi6_addr);
    add_control(header, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
}

/// Without this a raw socket hides that a qdisc has dropped a packet: ENOBUFS becomes success
/// (raw_send_hdrinc in net/ipv4/raw.c, rawv6_send_hdrinc in net/ipv6/raw.c).
bool learn_of_drops(int fd, int family) {
    return family == AF_INET ? set(fd, IPPROTO_IP, IP_RECVERR, 1) : set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
}

Reason reason_of(int error) {
    const bool full = error == ENOBUFS || error == EAGAIN || error == ENOMEM;
    return full ? Reason::queue_full : Reason::refused;
}

bool prepare(int fd, int family) {
    // IPv6 takes a foreign origin only from a socket that may bind to one.
    const bool ready =
        family == AF_INET ? set(fd, IPPROTO_IP, IP_HDRINCL, 1)
                          : set(fd, IPPROTO_IPV6, IPV6_HDRINCL, 1) && set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
    if (!ready || !learn_of_drops(fd, family)) return false;
    // Every packet is marked: whether that is permitted shows here.
    if (!set(fd, SOL_SOCKET, SO_MARK, 0)) return false;
    // A burst of resets must not fail for want of buffer; without the right to ask, the default has to do.
    constexpr int kSendBuffer = 4 << 20;
    if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, kSendBuffer)) (void)set(fd, SOL_SOCKET, SO_SNDBUF, kSendBuffer);
    return true;
}

}  // namespace

RawSocket::RawSocket(int fd, int family) : fd_(fd), family_(family), burst_(std::make_unique<Burst>()) {
    Burst& b = *burst_;
    for (std::size_t i = 0; i < kBurst; ++i) {
        b.headers[i].msg_hdr.msg_iov = &b.vectors[i];
        b.headers[i].msg_hdr.msg_iovlen = 1;
        b.headers[i].msg_hdr.msg_name = &b.destinations[i];
        b.headers[i].msg_hdr.msg_control = &b.controls[i];
    }
}

RawSocket::RawSocket(RawSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), family_(other.family_), burst_(std::move(other.burst_)) {}

RawSocket& RawSocket::operator=(RawSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(family_, other.family_);
    std::swap(burst_, other.burst_);
    return *this;
}

RawSocket::~RawSocket() {
    if (fd_ >= 0) close(fd_);
}

std::optional<RawSocket> RawSocket::open(int family) {
    // IPPROTO_RAW sends any protocol and receives nothing (raw(7)).
    const int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
    if (fd < 0) return std::nullopt;
    if (!prepare(fd, family)) {
        const int error = errno;
        close(fd);
        errno = error;
        return std::nullopt;
    }
    return RawSocket(fd, family);
}

bool RawSocket::add(const tcp::Segment& segment, const tcp::Address& origin, const tcp::Segment& named) {
    Burst& b = *burst_;
    tcp::PacketBuffer& packet = b.packets[b.count];
    const std::size_t size = tcp::compose(segment, {}, packet);
    if (size == 0) return false;
    b.vectors[b.count] = {packet.data(), size};
    msghdr& header = b.headers[b.count].msg_hdr;
    header.msg_namelen = write_destination(family_, segment.destination.address, b.destinations[b.count]);
    header.msg_controllen = 0;
    if (segment.mark != 0) add_control(header, SOL_SOCKET, SO_MARK, &segment.mark, sizeof segment.mark);
    write_origin(family_, origin, header);
    b.names[b.count] = named;
    ++b.count;
    return true;
}

/// A packet that is longer than its device takes is reported here as well (ip_local_error() in
/// net/ipv4/ip_sockglue.c). Nobody needs that; what stays there takes memory.
void RawSocket::clear_errors() const {
    msghdr header{};
    for (std::size_t i = 0; i < kBurst && recvmsg(fd_, &header, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0; ++i)
        header = {};
}

std::size_t RawSocket::flush(std::vector<Unsent>& unsent) {
    Burst& b = *burst_;
    std::size_t taken = 0;
    for (std::size_t at = 0; at < b.count;) {
        const int n = sendmmsg(fd_, &b.headers[at], static_cast<unsigned>(b.count - at), MSG_DONTWAIT);
        if (n > 0) {
            taken += static_cast<std::size_t>(n);
            at += static_cast<std::size_t>(n);
        } else if (errno != EINTR) {
            unsent.push_back({b.names[at++], reason_of(errno)});  // the first of the rest
        }
    }
    if (taken < b.count) clear_errors();
    b.count = 0;
    return taken;
}

}  // namespace finwait::inject
