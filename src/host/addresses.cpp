#include "host/addresses.hpp"

#include <cstdint>
#include <cstring>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <span>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

namespace finwait::host {
namespace {

/// The way to an address, as one would ask by "ip route get".
struct Request {
    nlmsghdr head;
    rtmsg route;
    rtattr attribute;
    std::uint8_t address[16];
};

Request request_for(const tcp::Address& address) {
    const bool v4 = address.is_v4();
    const std::uint16_t size = v4 ? 4 : 16;
    Request request{};
    request.head.nlmsg_type = RTM_GETROUTE;
    request.head.nlmsg_flags = NLM_F_REQUEST;
    request.head.nlmsg_len = static_cast<std::uint32_t>(sizeof request - sizeof request.address + size);
    request.route.rtm_family = v4 ? AF_INET : AF_INET6;
    request.route.rtm_dst_len = static_cast<std::uint8_t>(size * 8);
    request.attribute.rta_type = RTA_DST;
    request.attribute.rta_len = static_cast<std::uint16_t>(sizeof request.attribute + size);
    std::memcpy(request.address, v4 ? address.v4_bytes().data() : address.bytes().data(), size);
    return request;
}

/// Where there is no way to an address it is not here either.
std::optional<bool> read_answer(int fd) {
    alignas(nlmsghdr) char room[4096];
    const ssize_t size = recv(fd, room, sizeof room, MSG_DONTWAIT);  // it was there before sendto() returned
    nlmsghdr head{};
    if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(rtmsg)))) return std::nullopt;
    std::memcpy(&head, room, sizeof head);
    if (head.nlmsg_type == NLMSG_ERROR) return false;
    if (head.nlmsg_type != RTM_NEWROUTE) return std::nullopt;
    rtmsg route{};
    std::memcpy(&route, room + NLMSG_HDRLEN, sizeof route);
    return route.rtm_type == RTN_LOCAL;
}

}  // namespace

std::optional<bool> is_local(const tcp::Address& address) {
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return std::nullopt;
    const Request request = request_for(address);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    std::optional<bool> answer;
    if (sendto(fd, &request, request.head.nlmsg_len, 0, reinterpret_cast<const sockaddr*>(&kernel),
               sizeof kernel) >= 0)
        answer = read_answer(fd);
    close(fd);
    return answer;
}

std::set<tcp::Address> own_addresses() {
    std::set<tcp::Address> own;
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return own;
    for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr) continue;
        if (one->ifa_addr->sa_family == AF_INET) {
            const auto& v4 = reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr;
            own.insert(tcp::Address::v4(std::span(reinterpret_cast<const std::uint8_t*>(&v4), 4).first<4>()));
        } else if (one->ifa_addr->sa_family == AF_INET6) {
            const auto& v6 = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr;
            own.insert(tcp::Address::v6(std::span(v6.s6_addr).first<16>()));
        }
    }
    freeifaddrs(list);
    return own;
}

}  // namespace finwait::host
