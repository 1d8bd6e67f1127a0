#include "netfilter/conntrack_message.hpp"

#include <arpa/inet.h>
#include <cerrno>
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

// include/uapi/linux/netfilter/nf_conntrack_tcp.h, which cannot be included beside the library's own list of
// states
constexpr std::uint8_t kCloseInit = 0x04;
constexpr std::uint8_t kDataUnacknowledged = 0x10;

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

/// Of TCP, or null.
Entry parse(const nlmsghdr& message) {
    if (message.nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_NEW)) return nullptr;
    Entry entry(nfct_new());
    if (!entry || nfct_nlmsg_parse(&message, entry.get()) < 0) return nullptr;
    if (nfct_get_attr_u8(entry.get(), ATTR_ORIG_L4PROTO) != IPPROTO_TCP) return nullptr;
    return entry;
}

std::optional<Translation> translation_of(const nf_conntrack* entry) {
    const auto opener = read_end(entry, kOriginalSource);
    const auto opener_sees = read_end(entry, kOriginalDestination);
    const auto answerer = read_end(entry, kReplySource);
    const auto answerer_sees = read_end(entry, kReplyDestination);
    if (!opener || !opener_sees || !answerer || !answerer_sees) return std::nullopt;
    return Translation{{*opener, *answerer_sees},
                       {*answerer, *opener_sees},
                       nfct_get_attr_u32(entry, ATTR_ID),
                       nfct_get_attr_u32(entry, ATTR_MARK)};
}

/// A connection of which nothing has come back has not begun, whatever its state.
Tracked::Stage stage_of(const nf_conntrack* entry) {
    using enum Tracked::Stage;
    const bool answered = (nfct_get_attr_u32(entry, ATTR_STATUS) & IPS_SEEN_REPLY) != 0;
    if (nfct_attr_is_set(entry, ATTR_TCP_STATE) <= 0 || !answered) return opening;
    switch (nfct_get_attr_u8(entry, ATTR_TCP_STATE)) {
        case TCP_CONNTRACK_ESTABLISHED: return established;
        case TCP_CONNTRACK_FIN_WAIT: return fin_wait;
        case TCP_CONNTRACK_CLOSE_WAIT: return close_wait;
        case TCP_CONNTRACK_LAST_ACK: return last_ack;
        case TCP_CONNTRACK_TIME_WAIT: return time_wait;
        case TCP_CONNTRACK_CLOSE: return closed;
        default: return opening;
    }
}

/// Linux sets the flag in the direction whose FIN was the first (tcp_packet(), nf_conntrack_proto_tcp.c).
std::optional<tcp::Role> closer_of(std::uint8_t opener, std::uint8_t answerer) {
    const bool by_opener = (opener & kCloseInit) != 0;
    const bool by_answerer = (answerer & kCloseInit) != 0;
    if (by_opener == by_answerer) return std::nullopt;
    return by_opener ? tcp::Role::client : tcp::Role::server;
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

int take_entries(const nlattr* attribute, void* out) {
    const bool is_it = mnl_attr_get_type(attribute) == CTA_STATS_GLOBAL_ENTRIES;
    if (is_it && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
        *static_cast<std::optional<std::uint32_t>*>(out) = ntohl(mnl_attr_get_u32(attribute));
    return MNL_CB_OK;
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
    return -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&message))->error;
}

int read_result(const nlmsghdr& done) {
    int result = 0;
    if (mnl_nlmsg_get_payload_len(&done) >= sizeof result)
        std::memcpy(&result, mnl_nlmsg_get_payload(&done), sizeof result);
    return -result;
}

std::optional<std::uint32_t> read_count(const nlmsghdr& message) {
    if (message.nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_GET_STATS)) return std::nullopt;
    std::optional<std::uint32_t> entries;
    (void)mnl_attr_parse(&message, sizeof(nfgenmsg), take_entries, &entries);
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

std::optional<Tracked> read_tracked(const nlmsghdr& message) {
    const Entry entry = parse(message);
    if (!entry || nfct_attr_is_set(entry.get(), ATTR_ZONE) > 0) return std::nullopt;
    const auto translation = translation_of(entry.get());
    if (!translation) return std::nullopt;
    Tracked tracked;
    tracked.translation = *translation;
    tracked.stage = stage_of(entry.get());
    const std::uint8_t opener = nfct_get_attr_u8(entry.get(), ATTR_TCP_FLAGS_ORIG);
    const std::uint8_t answerer = nfct_get_attr_u8(entry.get(), ATTR_TCP_FLAGS_REPL);
    if (tracked.stage == Tracked::Stage::fin_wait || tracked.stage == Tracked::Stage::close_wait)
        tracked.closer = closer_of(opener, answerer);
    tracked.unacknowledged = ((opener | answerer) & kDataUnacknowledged) != 0;
    tracked.mark = translation->mark;
    tracked.left = std::chrono::seconds(nfct_get_attr_u32(entry.get(), ATTR_TIMEOUT));
    if (nfct_attr_is_set(entry.get(), ATTR_TIMESTAMP_START) > 0)
        tracked.begun = Duration(nfct_get_attr_u64(entry.get(), ATTR_TIMESTAMP_START));
    return tracked;
}

std::optional<Translation> read_translation(const nlmsghdr& message) {
    const Entry entry = parse(message);
    return entry ? translation_of(entry.get()) : std::nullopt;
}

}  // namespace finwait::netfilter
