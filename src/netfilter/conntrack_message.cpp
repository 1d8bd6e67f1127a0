#include "netfilter/conntrack_message.hpp"

#include "netfilter/attributes.hpp"
#include "netfilter/netlink_error.hpp"

#include <cerrno>
#include <cstring>
#include <memory>

#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
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

void write_end(nf_conntrack* entry, const Names& names, const tcp::Endpoint& end) {
    if (end.address.is_v4())
        nfct_set_attr(entry, names.v4, end.address.v4_bytes().data());
    else
        nfct_set_attr(entry, names.v6, end.address.bytes().data());
    nfct_set_attr_u16(entry, names.port, htons(end.port));
}

nlmsghdr* begin(ConntrackRequest& room, unsigned kind, std::uint32_t sequence, int flags, int family) {
    nlmsghdr* message = mnl_nlmsg_put_header(room.data());
    message->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8U | kind);
    message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    message->nlmsg_seq = sequence;
    auto* family_header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
    family_header->nfgen_family = static_cast<std::uint8_t>(family);
    family_header->version = NFNETLINK_V0;
    return message;
}

/// An entry with only that, or null.
Entry original_tuple(const tcp::Endpoint& from, const tcp::Endpoint& to) {
    const bool v4 = from.address.is_v4();
    Entry entry(nfct_new());
    if (!entry || v4 != to.address.is_v4()) return nullptr;
    nfct_set_attr_u8(entry.get(), ATTR_L3PROTO, v4 ? AF_INET : AF_INET6);
    nfct_set_attr_u8(entry.get(), ATTR_L4PROTO, IPPROTO_TCP);
    write_end(entry.get(), kOriginalSource, from);
    write_end(entry.get(), kOriginalDestination, to);
    return entry;
}

std::span<const char> build(ConntrackRequest& room, unsigned kind, std::uint32_t sequence,
                            const nf_conntrack* entry) {
    nlmsghdr* message = begin(room, kind, sequence, 0, nfct_get_attr_u8(entry, ATTR_L3PROTO));
    if (nfct_nlmsg_build(message, entry) < 0) return {};
    return {room.data(), message->nlmsg_len};
}

}  // namespace

std::span<const char> write_get(ConntrackRequest& room, std::uint32_t sequence, const tcp::Endpoint& from,
                                const tcp::Endpoint& to) {
    const Entry entry = original_tuple(from, to);
    return entry ? build(room, IPCTNL_MSG_CT_GET, sequence, entry.get()) : std::span<const char>();
}

std::span<const char> write_dump(ConntrackRequest& room, std::uint32_t sequence) {
    const Filter filter(nfct_filter_dump_create());
    if (!filter) return {};
    constexpr std::uint32_t kBoth = IPS_SRC_NAT | IPS_DST_NAT;
    const nfct_filter_dump_mark status{kBoth, kBoth};  // value and mask
    nfct_filter_dump_set_attr(filter.get(), NFCT_FILTER_DUMP_STATUS, &status);
    nlmsghdr* message = begin(room, IPCTNL_MSG_CT_GET, sequence, NLM_F_DUMP, AF_UNSPEC);
    if (nfct_nlmsg_build_filter(message, filter.get()) < 0) return {};
    return {room.data(), message->nlmsg_len};
}

std::span<const char> write_count(ConntrackRequest& room, std::uint32_t sequence) {
    const nlmsghdr* message = begin(room, IPCTNL_MSG_CT_GET_STATS, sequence, 0, AF_UNSPEC);
    return {room.data(), message->nlmsg_len};
}

std::optional<int> read_error(const nlmsghdr& message) {
    if (message.nlmsg_type != NLMSG_ERROR) return std::nullopt;
    if (mnl_nlmsg_get_payload_len(&message) < sizeof(nlmsgerr)) return EBADMSG;
    return error_number(static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&message))->error);
}

int read_result(const nlmsghdr& done) {
    std::int32_t result = 0;
    if (mnl_nlmsg_get_payload_len(&done) >= sizeof result)
        std::memcpy(&result, mnl_nlmsg_get_payload(&done), sizeof result);
    return error_number(result);
}

std::optional<std::uint32_t> read_count(const nlmsghdr& message) {
    if (message.nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_GET_STATS)) return std::nullopt;
    std::optional<std::uint32_t> entries;
    const auto take = [&entries](int type, std::span<const char> body) {
        if (type == CTA_STATS_GLOBAL_ENTRIES) entries = read_number<std::uint32_t>(body);
    };
    if (const auto attributes = attributes_behind<nfgenmsg>(message)) each_attribute(*attributes, take);
    return entries;
}

std::span<const char> write_dump_all(ConntrackRequest& room, std::uint32_t sequence, std::uint32_t mark) {
    const Filter filter(nfct_filter_dump_create());
    if (!filter) return {};
    const nfct_filter_dump_mark wanted{mark, mark};  // value and mask
    if (mark != 0) nfct_filter_dump_set_attr(filter.get(), NFCT_FILTER_DUMP_MARK, &wanted);
    nlmsghdr* message = begin(room, IPCTNL_MSG_CT_GET, sequence, NLM_F_DUMP, AF_UNSPEC);
    if (nfct_nlmsg_build_filter(message, filter.get()) < 0) return {};
    return {room.data(), message->nlmsg_len};
}

std::span<const char> write_timeout(ConntrackRequest& room, std::uint32_t sequence,
                                    const Translation& connection, std::chrono::seconds time) {
    const Entry entry = original_tuple(connection.opener.own, connection.answerer.shown);
    if (!entry) return {};
    nfct_set_attr_u32(entry.get(), ATTR_TIMEOUT, static_cast<std::uint32_t>(time.count()));
    return build(room, IPCTNL_MSG_CT_NEW, sequence, entry.get());
}

std::span<const char> write_half_closed(ConntrackRequest& room, std::uint32_t sequence,
                                        const Translation& connection, std::chrono::seconds time) {
    const Entry entry = original_tuple(connection.opener.own, connection.answerer.shown);
    if (!entry) return {};
    nfct_set_attr_u32(entry.get(), ATTR_TIMEOUT, static_cast<std::uint32_t>(time.count()));
    nfct_set_attr_u8(entry.get(), ATTR_TCP_STATE, TCP_CONNTRACK_CLOSE_WAIT);
    return build(room, IPCTNL_MSG_CT_NEW, sequence, entry.get());
}

std::span<const char> write_removal(ConntrackRequest& room, std::uint32_t sequence,
                                    const Translation& connection) {
    const Entry entry = original_tuple(connection.opener.own, connection.answerer.shown);
    if (!entry) return {};
    if (build(room, IPCTNL_MSG_CT_DELETE, sequence, entry.get()).empty()) return {};
    // The library does not write it. The kernel compares (ctnetlink_del_conntrack, nf_conntrack_netlink.c).
    auto* message = reinterpret_cast<nlmsghdr*>(room.data());
    mnl_attr_put_u32(message, CTA_ID, htonl(connection.entry));
    return {room.data(), message->nlmsg_len};
}

std::span<const char> write_mark(ConntrackRequest& room, std::uint32_t sequence,
                                 const Translation& connection, std::uint32_t mask) {
    const Entry entry = original_tuple(connection.opener.own, connection.answerer.shown);
    if (!entry || build(room, IPCTNL_MSG_CT_NEW, sequence, entry.get()).empty()) return {};
    auto* message = reinterpret_cast<nlmsghdr*>(room.data());
    message->nlmsg_flags |= NLM_F_ACK;
    mnl_attr_put_u32(message, CTA_MARK, htonl(mask));
    mnl_attr_put_u32(message, CTA_MARK_MASK, htonl(mask));
    return {room.data(), message->nlmsg_len};
}

}  // namespace finwait::netfilter
