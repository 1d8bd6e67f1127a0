#include "netfilter/rule_stamp.hpp"

#include "netfilter/attributes.hpp"
#include "netfilter/xtables.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

namespace finwait::netfilter {
namespace {

constexpr timeval kPatience{1, 0};  // the kernel answers at once

int netlink_socket() {
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (fd >= 0) (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    return fd;
}

std::optional<std::uint32_t> generation_in(const nlmsghdr& message) {
    if (message.nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)) return std::nullopt;
    std::optional<std::uint32_t> found;
    const auto take = [&found](int type, std::span<const char> body) {
        if (type == NFTA_GEN_ID) found = read_number<std::uint32_t>(body);
    };
    if (const auto attributes = attributes_behind<nfgenmsg>(message)) each_attribute(*attributes, take);
    return found;
}

std::optional<std::uint32_t> generation(int fd) {
    alignas(nlmsghdr) std::array<char, 1024> buffer{};
    nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
    request->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;
    request->nlmsg_flags = NLM_F_REQUEST;
    auto* head = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(nfgenmsg)));
    head->nfgen_family = AF_UNSPEC;
    head->version = NFNETLINK_V0;
    if (send(fd, request, request->nlmsg_len, 0) < 0) return std::nullopt;
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    const auto* answer = reinterpret_cast<const nlmsghdr*>(buffer.data());
    if (got < 0 || !mnl_nlmsg_ok(answer, static_cast<int>(got))) return std::nullopt;
    return generation_in(*answer);
}

/// `Info` is the same for both IP versions.
void add_sizes(int fd, int level, int option, bool v6, std::vector<std::uint32_t>& stamp) {
    for (const std::string& table : loaded_tables(v6)) {
        ipt_getinfo info{};
        static_assert(sizeof(ipt_getinfo) == sizeof(ip6t_getinfo));
        table.copy(info.name, sizeof info.name - 1);
        socklen_t size = sizeof info;
        if (getsockopt(fd, level, option, &info, &size) != 0) continue;
        stamp.insert(stamp.end(), {info.num_entries, info.size});
        stamp.insert(stamp.end(), std::begin(info.hook_entry), std::end(info.hook_entry));
    }
}

}  // namespace

struct RuleStamp::Sockets {
    int netlink = netlink_socket();
    int v4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    int v6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

    Sockets() = default;
    Sockets(const Sockets&) = delete;
    Sockets& operator=(const Sockets&) = delete;
    ~Sockets() {
        for (const int fd : {netlink, v4, v6})
            if (fd >= 0) close(fd);
    }
};

RuleStamp::RuleStamp() : sockets_(std::make_unique<Sockets>()) {}
RuleStamp::~RuleStamp() = default;

std::vector<std::uint32_t> RuleStamp::read() {
    const std::optional<std::uint32_t> now = generation(sockets_->netlink);
    std::vector<std::uint32_t> stamp = {now ? 1U : 0U, now.value_or(0)};
    add_sizes(sockets_->v4, IPPROTO_IP, IPT_SO_GET_INFO, false, stamp);
    add_sizes(sockets_->v6, IPPROTO_IPV6, IP6T_SO_GET_INFO, true, stamp);
    complete_ = now && stamp.size() == 2;
    return stamp;
}

}  // namespace finwait::netfilter
