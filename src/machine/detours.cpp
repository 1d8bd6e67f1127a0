#include "machine/detours.hpp"

#include "netfilter/attributes.hpp"
#include "netfilter/datagram.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <net/if.h>
#include <span>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

namespace finwait::machine {
namespace {

constexpr std::uint16_t kAttributeDscp = 25;  // FRA_DSCP, which headers before Linux 6.13 lack
constexpr Ports kAllPorts{0, UINT16_MAX};
/// The kernel fills no more than this into one piece of a dump (netlink_dump, net/netlink/af_netlink.c).
constexpr std::size_t kPiece = 32768;

using Body = std::span<const char>;

/// Whether it ends within its attribute or not.
std::string text_of(Body body) {
    return {body.data(), strnlen(body.data(), body.size())};
}

/// All of them, where it is cut short.
Ports range_of(Body body) {
    fib_rule_port_range range{};
    if (!netfilter::read(body, range)) return kAllPorts;
    return {range.start, range.end};
}

bool of_vrf(Body info) {
    bool vrf = false;
    netfilter::each_attribute(info, [&vrf](int type, Body body) {
        if (type == IFLA_INFO_KIND || type == IFLA_INFO_SLAVE_KIND) vrf |= text_of(body) == "vrf";
    });
    return vrf;
}

int open_socket(unsigned groups) {
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return -1;
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = groups;
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
    close(fd);
    return -1;
}

bool ask_for(int fd, std::uint16_t type, std::uint8_t family) {
    alignas(nlmsghdr) std::array<char, 64> room{};
    nlmsghdr* request = mnl_nlmsg_put_header(room.data());
    request->nlmsg_type = type;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    // Both fixed parts begin with the family; the longer one serves for either.
    static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg)))->ifi_family = family;
    return send(fd, request, request->nlmsg_len, 0) >= 0;
}

/// Reads one dump to its end; false when it breaks off.
bool read_dump(int fd, DetourScan& scan) {
    alignas(nlmsghdr) std::array<char, kPiece> room{};
    for (;;) {
        const ssize_t n = recv(fd, room.data(), room.size(), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        std::uint16_t last = 0;
        const bool end = netfilter::each_message(std::span(room).first(static_cast<std::size_t>(n)),
                                                 [&](const nlmsghdr& message) {
                                                     last = message.nlmsg_type;
                                                     scan.take(message);
                                                     return last == NLMSG_DONE || last == NLMSG_ERROR;
                                                 });
        if (end) return last == NLMSG_DONE;
    }
}

/// IPv4 and IPv6 often have the same rules.
template<typename T>
void sort_once(std::vector<T>& all) {
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
}

}  // namespace

void DetourScan::take(const nlmsghdr& message) {
    if (message.nlmsg_type == RTM_NEWLINK) take_link(message);
    if (message.nlmsg_type == RTM_NEWRULE) take_rule(message);
}

void DetourScan::take_link(const nlmsghdr& message) {
    std::string name;
    bool vrf = false;
    const auto attributes = netfilter::attributes_behind<ifinfomsg>(message);
    if (!attributes) return;
    netfilter::each_attribute(*attributes, [&](int type, Body body) {
        if (type == IFLA_IFNAME) name = text_of(body);
        if (type == IFLA_LINKINFO) vrf = of_vrf(body);
    });
    const int index = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message))->ifi_index;
    index_[name] = static_cast<std::uint32_t>(index);
    if (!vrf) return;
    found_.vrf.push_back(static_cast<std::uint32_t>(index));
    found_.vrf_names.push_back(name);
}

void DetourScan::take_rule(const nlmsghdr& message) {
    const auto attributes = netfilter::attributes_behind<fib_rule_hdr>(message);
    if (!attributes) return;
    netfilter::each_attribute(*attributes, [this](int type, Body body) {
        if (type == FRA_IIFNAME && text_of(body) != "lo") {
            chosen_by_.push_back(text_of(body));
            found_.rules.push_back("iif " + text_of(body));
        } else if (type == FRA_IIFNAME) {
            concerns(kAllPorts, "iif lo");  // ours come from there, and nothing that is forwarded does
        } else if (type == FRA_SPORT_RANGE || type == FRA_DPORT_RANGE) {
            const auto range = range_of(body);
            const std::string word = type == FRA_SPORT_RANGE ? "sport " : "dport ";
            concerns(range, word + std::to_string(range.first) + "-" + std::to_string(range.second));
        } else if (type == FRA_IP_PROTO) {
            concerns(kAllPorts, "ipproto");
        } else if (type == kAttributeDscp) {
            concerns(kAllPorts, "dscp");
        }
    });
    if (static_cast<const fib_rule_hdr*>(mnl_nlmsg_get_payload(&message))->tos != 0)
        concerns(kAllPorts, "tos");
}

void DetourScan::concerns(Ports ports, std::string rule) {
    found_.ports.push_back(ports);
    found_.rules.push_back(std::move(rule));
}

Detours DetourScan::found() const {
    Detours detours = found_;
    for (const std::string& name : chosen_by_)
        if (const auto at = index_.find(name); at != index_.end()) detours.ruled.push_back(at->second);
    sort_once(detours.vrf);
    sort_once(detours.ruled);
    sort_once(detours.ports);
    sort_once(detours.rules);
    return detours;
}

std::optional<Detours> scan_detours() {
    const int fd = open_socket(0);
    if (fd < 0) return std::nullopt;
    DetourScan scan;
    const bool whole = ask_for(fd, RTM_GETLINK, AF_UNSPEC) && read_dump(fd, scan);
    for (const int family : {AF_INET, AF_INET6}) {
        // A kernel without rules for a family has nothing to tell of it.
        if (ask_for(fd, RTM_GETRULE, static_cast<std::uint8_t>(family)))
            static_cast<void>(read_dump(fd, scan));
    }
    close(fd);
    if (!whole) return std::nullopt;
    return scan.found();
}

DetourWatch::DetourWatch()
    : fd_(open_socket(RTMGRP_LINK | RTMGRP_IPV4_RULE | 1U << (RTNLGRP_IPV6_RULE - 1U))) {}

DetourWatch::~DetourWatch() {
    if (fd_ >= 0) close(fd_);
}

void DetourWatch::drain() const {
    std::array<char, 8192> room;
    while (recv(fd_, room.data(), room.size(), MSG_DONTWAIT) >= 0 || errno == EINTR || errno == ENOBUFS) {
    }
}

}  // namespace finwait::machine
