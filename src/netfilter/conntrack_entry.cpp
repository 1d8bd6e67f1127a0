// Reads one entry of conntrack. Not by libnetfilter_conntrack: that ends the process where an attribute is
// not as it expects (__abi_breakage(), src/conntrack/parse_mnl.c).
#include "netfilter/attributes.hpp"
#include "netfilter/conntrack_message.hpp"

#include <array>
#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

namespace finwait::netfilter {
namespace {

using Bytes = std::span<const char>;

/// One way of the connection, as far as it is told.
struct Tuple {
    std::optional<tcp::Address> source, destination;
    std::optional<std::uint16_t> source_port, destination_port;
    std::uint8_t protocol = 0;
};

struct Entry {
    Tuple original, reply;
    std::uint32_t id = 0;
    std::uint32_t status = 0;
    std::uint32_t mark = 0;
    std::uint32_t timeout = 0;
    std::optional<std::uint8_t> state;
    std::uint8_t opener = 0;  // each side's flags
    std::uint8_t answerer = 0;
    std::optional<std::uint64_t> begun;
    bool zoned = false;
    bool shifted = false;
};

template<std::size_t size>
std::optional<tcp::Address> read_address(Bytes body) {
    std::array<std::uint8_t, size> bytes{};
    if (!read(body, bytes)) return std::nullopt;
    if constexpr (size == 4)
        return tcp::Address::v4(bytes);
    else
        return tcp::Address::v6(bytes);
}

void read_addresses(Bytes attributes, Tuple& tuple) {
    each_attribute(attributes, [&tuple](int type, Bytes body) {
        if (type == CTA_IP_V4_SRC) tuple.source = read_address<4>(body);
        if (type == CTA_IP_V4_DST) tuple.destination = read_address<4>(body);
        if (type == CTA_IP_V6_SRC) tuple.source = read_address<16>(body);
        if (type == CTA_IP_V6_DST) tuple.destination = read_address<16>(body);
    });
}

void read_ports(Bytes attributes, Tuple& tuple) {
    each_attribute(attributes, [&tuple](int type, Bytes body) {
        if (type == CTA_PROTO_NUM) tuple.protocol = read_number<std::uint8_t>(body).value_or(0);
        if (type == CTA_PROTO_SRC_PORT) tuple.source_port = read_number<std::uint16_t>(body);
        if (type == CTA_PROTO_DST_PORT) tuple.destination_port = read_number<std::uint16_t>(body);
    });
}

Tuple read_tuple(Bytes attributes) {
    Tuple tuple;
    each_attribute(attributes, [&tuple](int type, Bytes body) {
        if (type == CTA_TUPLE_IP) read_addresses(body, tuple);
        if (type == CTA_TUPLE_PROTO) read_ports(body, tuple);
    });
    return tuple;
}

void read_tcp(Bytes attributes, Entry& entry) {
    each_attribute(attributes, [&entry](int type, Bytes body) {
        nf_ct_tcp_flags flags{};
        if (type == CTA_PROTOINFO_TCP_STATE) entry.state = read_number<std::uint8_t>(body);
        if (type == CTA_PROTOINFO_TCP_FLAGS_ORIGINAL && read(body, flags)) entry.opener = flags.flags;
        if (type == CTA_PROTOINFO_TCP_FLAGS_REPLY && read(body, flags)) entry.answerer = flags.flags;
    });
}

/// What a nested attribute holds under `wanted`; empty where it does not.
Bytes within(Bytes attributes, int wanted) {
    Bytes found;
    each_attribute(attributes, [&found, wanted](int type, Bytes body) {
        if (type == wanted) found = body;
    });
    return found;
}

bool any_number(Bytes attributes, int first, int last) {
    bool any = false;
    each_attribute(attributes, [&](int type, Bytes body) {
        any = any || (type >= first && type <= last && read_number<std::uint32_t>(body).value_or(0) != 0);
    });
    return any;
}

void read_attribute(int type, Bytes body, Entry& entry) {
    const auto number = [body] { return read_number<std::uint32_t>(body).value_or(0); };
    switch (type) {
        case CTA_TUPLE_ORIG: entry.original = read_tuple(body); break;
        case CTA_TUPLE_REPLY: entry.reply = read_tuple(body); break;
        case CTA_STATUS: entry.status = number(); break;
        case CTA_TIMEOUT: entry.timeout = number(); break;
        case CTA_MARK: entry.mark = number(); break;
        case CTA_ID: entry.id = number(); break;
        case CTA_ZONE: entry.zoned = true; break;
        case CTA_SEQ_ADJ_ORIG:
        case CTA_SEQ_ADJ_REPLY:
            entry.shifted =
                entry.shifted || any_number(body, CTA_SEQADJ_OFFSET_BEFORE, CTA_SEQADJ_OFFSET_AFTER);
            break;
        // Before the server has answered SYNPROXY, the entry has only this one.
        case CTA_SYNPROXY:
            entry.shifted = entry.shifted || any_number(body, CTA_SYNPROXY_ISN, CTA_SYNPROXY_ISN);
            break;
        case CTA_PROTOINFO: read_tcp(within(body, CTA_PROTOINFO_TCP), entry); break;
        case CTA_TIMESTAMP:
            entry.begun = read_number<std::uint64_t>(within(body, CTA_TIMESTAMP_START));
            break;
        default: break;
    }
}

/// Of TCP, or empty.
std::optional<Entry> read_entry(const nlmsghdr& message) {
    constexpr std::size_t kHead = NLMSG_ALIGN(sizeof(nlmsghdr)) + NLMSG_ALIGN(sizeof(nfgenmsg));
    if (message.nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_NEW)) return std::nullopt;
    if (message.nlmsg_len < kHead) return std::nullopt;
    Entry entry;
    const Bytes whole(reinterpret_cast<const char*>(&message), message.nlmsg_len);
    each_attribute(whole.subspan(kHead),
                   [&entry](int type, Bytes body) { read_attribute(type, body, entry); });
    if (entry.original.protocol != IPPROTO_TCP) return std::nullopt;
    return entry;
}

/// Of a half-closed connection conntrack believes any RST, and the next SYN, forged ones too, makes it
/// another one, with other windows (nf_conntrack_proto_tcp.c).
bool astray(const Entry& entry) {
    return entry.state == TCP_CONNTRACK_SYN_SENT || entry.state == TCP_CONNTRACK_SYN_SENT2 ||
           entry.state == TCP_CONNTRACK_SYN_RECV;
}

std::optional<Translation> translation_of(const Entry& entry) {
    const auto end = [](const std::optional<tcp::Address>& address,
                        const std::optional<std::uint16_t>& port) {
        return address && port ? std::optional(tcp::Endpoint{*address, *port}) : std::nullopt;
    };
    const auto opener = end(entry.original.source, entry.original.source_port);
    const auto opener_sees = end(entry.original.destination, entry.original.destination_port);
    const auto answerer = end(entry.reply.source, entry.reply.source_port);
    const auto answerer_sees = end(entry.reply.destination, entry.reply.destination_port);
    if (!opener || !opener_sees || !answerer || !answerer_sees) return std::nullopt;
    Translation found{
        {*opener, *answerer_sees}, {*answerer, *opener_sees}, entry.id, entry.mark, astray(entry)};
    found.shifted = entry.shifted;
    found.open = entry.state == TCP_CONNTRACK_ESTABLISHED;
    return found;
}

/// A connection of which nothing has come back has not begun, whatever its state.
Tracked::Stage stage_of(const Entry& entry) {
    using enum Tracked::Stage;
    if (!entry.state || (entry.status & IPS_SEEN_REPLY) == 0) return opening;
    switch (*entry.state) {
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
std::optional<tcp::Role> closer_of(const Entry& entry) {
    const bool by_opener = (entry.opener & IP_CT_TCP_FLAG_CLOSE_INIT) != 0;
    const bool by_answerer = (entry.answerer & IP_CT_TCP_FLAG_CLOSE_INIT) != 0;
    if (by_opener == by_answerer) return std::nullopt;
    return by_opener ? tcp::Role::client : tcp::Role::server;
}

}  // namespace

std::optional<Tracked> read_tracked(const nlmsghdr& message) {
    const auto entry = read_entry(message);
    if (!entry || entry->zoned) return std::nullopt;
    const auto translation = translation_of(*entry);
    if (!translation) return std::nullopt;
    Tracked tracked;
    tracked.translation = *translation;
    tracked.stage = stage_of(*entry);
    if (tracked.stage == Tracked::Stage::fin_wait || tracked.stage == Tracked::Stage::close_wait)
        tracked.closer = closer_of(*entry);
    tracked.unacknowledged = ((entry->opener | entry->answerer) & IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED) != 0;
    tracked.mark = entry->mark;
    tracked.left = std::chrono::seconds(entry->timeout);
    if (entry->begun && *entry->begun <= INT64_MAX) tracked.begun = Duration(*entry->begun);
    return tracked;
}

std::optional<Translation> read_translation(const nlmsghdr& message) {
    const auto entry = read_entry(message);
    return entry ? translation_of(*entry) : std::nullopt;
}

}  // namespace finwait::netfilter
