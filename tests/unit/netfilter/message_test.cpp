// The kernel's messages, whole, cut short and garbled. Each is copied into a buffer of its exact size.
#include "netfilter/queue_message.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

namespace finwait::netfilter {
namespace {

using Bytes = std::vector<char>;

void put(Bytes& to, std::initializer_list<int> bytes) {
    for (const int b : bytes)
        to.push_back(static_cast<char>(b));
}

void attribute(Bytes& to, std::uint16_t type, std::initializer_list<int> body) {
    const nlattr head{static_cast<std::uint16_t>(sizeof(nlattr) + body.size()), type};
    const char* raw = reinterpret_cast<const char*>(&head);
    to.insert(to.end(), raw, raw + sizeof head);
    put(to, body);
    while (to.size() % 4 != 0)
        to.push_back(0);
}

Bytes message(std::uint16_t type, const Bytes& body) {
    nlmsghdr head{};
    head.nlmsg_len = static_cast<std::uint32_t>(sizeof head + body.size());
    head.nlmsg_type = type;
    Bytes all(sizeof head);
    std::memcpy(all.data(), &head, sizeof head);
    all.insert(all.end(), body.begin(), body.end());
    return all;
}

/// Packet 258, mark 0x40000001, 1500 bytes of which five are copied.
Bytes packet() {
    Bytes body;
    put(body, {2, 0, 0, 0});  // nfgenmsg
    attribute(body, NFQA_PACKET_HDR, {0, 0, 1, 2, 8, 0, 2});
    attribute(body, NFQA_MARK, {0x40, 0, 0, 1});
    attribute(body, NFQA_CAP_LEN, {0, 0, 5, 0xDC});
    attribute(body, NFQA_PAYLOAD, {1, 2, 3, 4, 5});
    return message(NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_PACKET, body);
}

/// The same, from interface 3 to interface 4; by br_netfilter's word also by a port of a bridge.
Bytes packet_by(std::initializer_list<std::uint16_t> ports) {
    Bytes body;
    put(body, {2, 0, 0, 0});
    attribute(body, NFQA_PACKET_HDR, {0, 0, 1, 2, 8, 0, 2});
    attribute(body, NFQA_IFINDEX_INDEV, {0, 0, 0, 3});
    attribute(body, NFQA_IFINDEX_OUTDEV, {0, 0, 0, 4});
    for (const std::uint16_t port : ports)
        attribute(body, port, {0, 0, 0, 7});
    return message(NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_PACKET, body);
}

template<typename Check>
void read_exact(const Bytes& bytes, Check check) {
    const std::unique_ptr<char[]> heap(new char[bytes.size()]);
    std::copy(bytes.begin(), bytes.end(), heap.get());
    check(read_message({heap.get(), bytes.size()}));
}

TEST(QueueMessage, InterfacesAreReadAndOnlyWhatLeavesByAPortOfABridgeIsBridged) {
    read_exact(packet_by({}), [](const QueueMessage& m) {
        EXPECT_EQ(m.packet.in, 3U);
        EXPECT_EQ(m.packet.out, 4U);
        EXPECT_FALSE(m.packet.bridged);
    });
    read_exact(packet_by({NFQA_IFINDEX_PHYSINDEV}),
               [](const QueueMessage& m) { EXPECT_FALSE(m.packet.bridged) << "routed, from a bridge"; });
    read_exact(packet_by({NFQA_IFINDEX_PHYSINDEV, NFQA_IFINDEX_PHYSOUTDEV}),
               [](const QueueMessage& m) { EXPECT_TRUE(m.packet.bridged); });
}

TEST(QueueMessage, APacketIsReadWithAllWeAskFor) {
    read_exact(packet(), [](const QueueMessage& m) {
        ASSERT_EQ(m.kind, QueueMessage::Kind::packet);
        EXPECT_EQ(m.packet.id, 258U);
        EXPECT_EQ(m.packet.mark, 0x40000001U);
        EXPECT_EQ(m.packet.wire_length, 1500U);
        ASSERT_EQ(m.packet.payload.size(), 5U);
        EXPECT_EQ(m.packet.payload[4], 5);
    });
}

TEST(QueueMessage, WhereAPacketWasQueuedIsTold) {
    for (const auto& [number, hook] :
         {std::pair(NF_INET_FORWARD, Hook::forward), std::pair(NF_INET_LOCAL_IN, Hook::input),
          std::pair(NF_INET_LOCAL_OUT, Hook::output)}) {
        Bytes body;
        put(body, {2, 0, 0, 0});  // nfgenmsg
        attribute(body, NFQA_PACKET_HDR, {0, 0, 1, 2, 8, 0, number});
        read_exact(message(NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_PACKET, body),
                   [hook](const QueueMessage& m) { EXPECT_EQ(m.packet.hook, hook); });
    }
}

TEST(QueueMessage, APacketWhoseChecksumNobodyHasLookedAtSaysSo) {
    const auto info = [](int flags) {
        Bytes body;
        put(body, {2, 0, 0, 0});
        attribute(body, NFQA_PACKET_HDR, {0, 0, 1, 2, 8, 0, 2});
        attribute(body, NFQA_SKB_INFO, {0, 0, 0, flags});
        return message(NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_PACKET, body);
    };
    read_exact(info(NFQA_SKB_CSUM_NOTVERIFIED), [](const auto& m) { EXPECT_TRUE(m.packet.unverified); });
    read_exact(info(NFQA_SKB_GSO | NFQA_SKB_CSUMNOTREADY),
               [](const auto& m) { EXPECT_FALSE(m.packet.unverified); });
    read_exact(packet(), [](const QueueMessage& m) { EXPECT_FALSE(m.packet.unverified); });
}

TEST(QueueMessage, APacketCutShortIsOneAsLongAsItsIdIsThere) {
    const Bytes whole = packet();
    const std::size_t id_end =
        sizeof(nlmsghdr) + sizeof(nfgenmsg) + sizeof(nlattr) + sizeof(nfqnl_msg_packet_hdr);
    for (std::size_t n = 0; n < whole.size(); ++n) {
        Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
        read_exact(cut, [&](const QueueMessage& m) {
            EXPECT_EQ(m.kind == QueueMessage::Kind::packet, n >= id_end) << n;
            EXPECT_TRUE(n < id_end || m.packet.id == 258) << n;
        });
    }
}

TEST(QueueMessage, AnAcknowledgmentIsAnErrorOfZero) {
    read_exact(message(NLMSG_ERROR, Bytes(sizeof(nlmsgerr))), [](const QueueMessage& m) {
        EXPECT_EQ(m.kind, QueueMessage::Kind::error);
        EXPECT_EQ(m.error, 0);
    });
}

TEST(QueueMessage, AnErrorCarriesItsNumber) {
    const std::int32_t code = -ENOENT;
    Bytes body(sizeof(nlmsgerr));
    std::memcpy(body.data(), &code, sizeof code);
    read_exact(message(NLMSG_ERROR, body), [](const QueueMessage& m) { EXPECT_EQ(m.error, ENOENT); });
}

TEST(QueueMessage, GarbledOnesAreReadWithinTheirBounds) {
    std::mt19937 random(7);
    for (int i = 0; i < 100'000; ++i) {
        Bytes bytes = packet();
        bytes.resize(random() % (bytes.size() + 1));
        for (auto changes = random() % 8; changes > 0 && !bytes.empty(); --changes) {
            bytes[random() % bytes.size()] = static_cast<char>(random());
        }
        read_exact(bytes, [](const QueueMessage& m) {
            unsigned sum = 0;
            for (const std::uint8_t b : m.packet.payload)
                sum += b;
            EXPECT_LE(sum, 255U * 64U);
        });
    }
}

}  // namespace
}  // namespace finwait::netfilter
