#include "netfilter/conntrack_message.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <memory>

#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

namespace finwait::netfilter {
namespace {

struct Destroy {
    void operator()(nf_conntrack* entry) const { nfct_destroy(entry); }
    void operator()(nfct_filter_dump* filter) const { nfct_filter_dump_destroy(filter); }
};
using Entry = std::unique_ptr<nf_conntrack, Destroy>;
using Filter = std::unique_ptr<nfct_filter_dump, Destroy>;

/// What the library calls one end of one tuple.
struct Names {
    nf_conntrack_attr v4, v6, port;
};
constexpr Names kOriginalSource{ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC, ATTR_ORIG_PORT_SRC};
constexpr Names kOriginalDestination{ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST, ATTR_ORIG_PORT_DST};
constexpr Names kReplySource{ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC, ATTR_REPL_PORT_SRC};
constexpr Names kReplyDestination{ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST, ATTR_REPL_PORT_DST};

void write_end(nf_conntrack* entry, const Names& names, const tcp::Endpoint& end) {
    if (end.address.is_v4())
        nfct_set_attr(entry, names.v4, end.address.v4_bytes().data());
    else
        nfct_set_attr(entry, names.v6, end.address.bytes().data());
    nfct_set_attr_u16(entry, names.port, htons(end.port));
}

std::optional<tcp::Endpoint> read_end(const nf_conntrack* entry, const Names& names) {
    if (nfct_attr_is_set(entry, names.port) <= 0) return std::nullopt;
    tcp::Endpoint end;
    end.port = ntohs(nfct_get_attr_u16(entry, names.port));
    if (nfct_attr_is_set(entry, names.v4) > 0) {
        std::array<std::uint8_t, 4> bytes{};
        std::memcpy(bytes.data(), nfct_get_attr(entry, names.v4), bytes.size());
        end.address = tcp::Address::v4(bytes);
        return end;
    }
    if (nfct_attr_is_set(entry, names.v6) <= 0) return std::nullopt;
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), nfct_get_attr(entry, names.v6), bytes.size());
    end.address = tcp::Address::v6(bytes);
    return end;
}

nlmsghdr* begin_get(ConntrackRequest& room, std::uint32_t sequence, int flags, int family) {
    nlmsghdr* message = mnl_nlmsg_put_header(room.data());
    message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_GET;
    message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    message->nlmsg_seq = sequence;
    auto* family_header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
    family_header->nfgen_family = static_cast<std::uint8_t>(family);
    family_header->version = NFNETLINK_V0;
    return message;
}

}  // namespace

std::span<const char> write_get(ConntrackRequest& room, std::uint32_t sequence, const tcp::Endpoint& from,
                                const tcp::Endpoint& to) {
    const bool v4 = from.address.is_v4();
    const Entry entry(nfct_new());
    if (!entry || v4 != to.address.is_v4()) return {};
    nfct_set_attr_u8(entry.get(), ATTR_L3PROTO, v4 ? AF_INET : AF_INET6);
    nfct_set_attr_u8(entry.get(), ATTR_L4PROTO, IPPROTO_TCP);
    write_end(entry.get(), kOriginalSource, from);
    write_end(entry.get(), kOriginalDestination, to);
    nlmsghdr* message = begin_get(room, sequence, 0, v4 ? AF_INET : AF_INET6);
    if (nfct_nlmsg_build(message, entry.get()) < 0) return {};
    return {room.data(), message->nlmsg_len};
}

std::span<const char> write_dump(ConntrackRequest& room, std::uint32_t sequence) {
    const Filter filter(nfct_filter_dump_create());
    if (!filter) return {};
    constexpr std::uint32_t kBoth = IPS_SRC_NAT | IPS_DST_NAT;
    const nfct_filter_dump_mark status{kBoth, kBoth};  // value and mask
    nfct_filter_dump_set_attr(filter.get(), NFCT_FILTER_DUMP_STATUS, &status);
    nlmsghdr* message = begin_get(room, sequence, NLM_F_DUMP, AF_UNSPEC);
    if (nfct_nlmsg_build_filter(message, filter.get()) < 0) return {};
    return {room.data(), message->nlmsg_len};
}

std::optional<Translation> read_translation(const nlmsghdr& message) {
    if (message.nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_NEW)) return std::nullopt;
    const Entry entry(nfct_new());
    if (!entry || nfct_nlmsg_parse(&message, entry.get()) < 0) return std::nullopt;
    if (nfct_get_attr_u8(entry.get(), ATTR_ORIG_L4PROTO) != IPPROTO_TCP) return std::nullopt;
    const auto opener = read_end(entry.get(), kOriginalSource);
    const auto opener_sees = read_end(entry.get(), kOriginalDestination);
    const auto answerer = read_end(entry.get(), kReplySource);
    const auto answerer_sees = read_end(entry.get(), kReplyDestination);
    if (!opener || !opener_sees || !answerer || !answerer_sees) return std::nullopt;
    return Translation{{*opener, *answerer_sees}, {*answerer, *opener_sees}};
}

}  // namespace finwait::netfilter
