#include "netfilter/queue_message.hpp"

#include "netfilter/attributes.hpp"
#include "netfilter/netlink_error.hpp"

#include <algorithm>
#include <arpa/inet.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

namespace finwait::netfilter {
namespace {

/// The number that an attribute holds belongs to one of these.
std::uint32_t* place_of(int type, QueuedPacket& packet, std::uint32_t& captured) {
    switch (type) {
        case NFQA_MARK: return &packet.mark;
        case NFQA_IFINDEX_INDEV: return &packet.in;
        case NFQA_IFINDEX_OUTDEV: return &packet.out;
        case NFQA_CAP_LEN: return &captured;
        default: return nullptr;
    }
}

Hook hook_of(std::uint8_t number) {
    if (number == NF_INET_LOCAL_IN) return Hook::input;
    if (number == NF_INET_LOCAL_OUT) return Hook::output;
    return Hook::forward;
}

QueueMessage read_packet(std::span<const char> attributes) {
    QueueMessage message;
    QueuedPacket& packet = message.packet;
    std::uint32_t captured = 0;
    each_attribute(attributes, [&](int type, std::span<const char> body) {
        std::uint32_t value = 0;
        if (type == NFQA_PACKET_HDR) {
            if (!read(body, value)) return;
            packet.id = ntohl(value);
            nfqnl_msg_packet_hdr header{};
            if (read(body, header)) packet.hook = hook_of(header.hook);
            message.kind = QueueMessage::Kind::packet;
        } else if (type == NFQA_IFINDEX_PHYSOUTDEV) {
            // A routed packet that came by a bridge has a port by which it came, and none by which it leaves.
            packet.bridged = true;
        } else if (type == NFQA_SKB_INFO) {
            packet.unverified = read(body, value) && (ntohl(value) & NFQA_SKB_CSUM_NOTVERIFIED) != 0;
        } else if (type == NFQA_PAYLOAD) {
            packet.payload = {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()};
        } else if (std::uint32_t* const place = place_of(type, packet, captured)) {
            if (read(body, value)) *place = ntohl(value);
        }
    });
    // CAP_LEN is sent only when the copy is shorter than the packet.
    packet.wire_length = captured != 0 ? captured : static_cast<std::uint32_t>(packet.payload.size());
    return message;
}

}  // namespace

QueueMessage read_message(std::span<const char> bytes) {
    QueueMessage message;
    nlmsghdr head{};
    if (!read(bytes, head)) return message;
    std::span<const char> body = bytes.first(std::min<std::size_t>(bytes.size(), head.nlmsg_len));
    body = body.subspan(std::min(sizeof head, body.size()));
    if (head.nlmsg_type == NLMSG_ERROR) {
        std::int32_t error = 0;
        message.kind = QueueMessage::Kind::error;
        message.error = read(body, error) ? error_number(error) : EBADMSG;
        return message;
    }
    constexpr unsigned kPacket = NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_PACKET;
    if (head.nlmsg_type != kPacket || body.size() < sizeof(nfgenmsg)) return message;
    return read_packet(body.subspan(sizeof(nfgenmsg)));
}

}  // namespace finwait::netfilter
