// Bytes → Unreachable: what counts as such an error, what it quotes, and that nothing beyond the given bytes
// is ever read. Packets are copied into buffers of their exact size, so that AddressSanitizer sees every
// overrun.
#include "tcp/unreachable.hpp"

#include "tcp/compose.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace finwait::tcp {
namespace {

using Packet = std::vector<std::uint8_t>;

constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kIcmpv6 = 58;

/// Ports 40000 and 80, seq 0x01020304, and no more of the header.
const Packet kEightBytes = {0x9C, 0x40, 0, 80, 1, 2, 3, 4};

Packet join(std::initializer_list<Packet> parts) {
    Packet all;
    for (const Packet& part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

/// From 10.0.0.`from` to 10.0.0.`to`.
Packet ipv4(std::uint8_t from, std::uint8_t to, std::uint8_t protocol, const Packet& rest,
            const Packet& options = {}) {
    const auto first = static_cast<std::uint8_t>(0x40 | (20 + options.size()) / 4);
    const auto total = static_cast<std::uint8_t>(20 + options.size() + rest.size());
    return join(
        {{first, 0, 0, total, 0, 7, 0, 0, 63, protocol, 0, 0, 10, 0, 0, from, 10, 0, 0, to}, options, rest});
}

/// From 2001:db8::`from` to 2001:db8::`to`.
Packet ipv6(std::uint8_t from, std::uint8_t to, std::uint8_t next, const Packet& rest) {
    return join({{0x60, 0, 0, 0, 0, static_cast<std::uint8_t>(rest.size()), next, 62},
                 {0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, from},
                 {0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, to},
                 rest});
}

Packet icmp(std::uint8_t type, std::uint8_t code, const Packet& quote) {
    return join({{type, code, 0, 0, 0, 0, 0, 0}, quote});
}

/// A router, 10.0.0.9, tells 10.0.0.1 that its segment did not reach 10.0.0.2.
Packet error_v4(std::uint8_t type = 3, std::uint8_t code = 1) {
    return ipv4(9, 1, kIcmp, icmp(type, code, ipv4(1, 2, kTcp, kEightBytes)));
}

Packet error_v6(std::uint8_t type = 1, std::uint8_t code = 0) {
    return ipv6(9, 1, kIcmpv6, icmp(type, code, ipv6(1, 2, kTcp, kEightBytes)));
}

std::optional<Unreachable> parsed(const Packet& packet) {
    const std::unique_ptr<std::uint8_t[]> heap(new std::uint8_t[packet.size()]);
    std::copy(packet.begin(), packet.end(), heap.get());
    return parse_unreachable({heap.get(), packet.size()});
}

const Unreachable kQuotedV4{
    {*Address::parse("10.0.0.1"), 40000}, {*Address::parse("10.0.0.2"), 80}, Seq(0x01020304)};
const Unreachable kQuotedV6{
    {*Address::parse("2001:db8::1"), 40000}, {*Address::parse("2001:db8::2"), 80}, Seq(0x01020304)};

TEST(Unreachable, SaysWhatItQuotesThoughOnlyEightBytesOfTcpAreThere) {
    EXPECT_EQ(parsed(error_v4()), kQuotedV4);
    EXPECT_EQ(parsed(error_v6()), kQuotedV6);
}

TEST(Unreachable, QuotesWhatWeHaveSent) {
    Segment probe;
    probe.source = kQuotedV6.source;
    probe.destination = kQuotedV6.destination;
    probe.seq = kQuotedV6.seq;
    PacketBuffer buffer;
    const Packet sent(buffer.data(), buffer.data() + compose(probe, {}, buffer));
    EXPECT_EQ(parsed(ipv6(9, 1, kIcmpv6, icmp(1, 3, sent))), kQuotedV6);
}

TEST(Unreachable, OfIcmpTheCodesCountThatTellOfAHostOrItsPath) {
    const std::vector<int> counting = {0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 12, 13};
    for (int code = 0; code < 256; ++code) {
        const bool counts = std::ranges::find(counting, code) != counting.end();
        EXPECT_EQ(parsed(error_v4(3, static_cast<std::uint8_t>(code))).has_value(), counts) << code;
    }
}

TEST(Unreachable, OtherMessagesAreNone) {
    for (int type = 0; type < 256; ++type) {
        EXPECT_EQ(parsed(error_v4(static_cast<std::uint8_t>(type))).has_value(), type == 3) << type;
        EXPECT_EQ(parsed(error_v6(static_cast<std::uint8_t>(type))).has_value(), type == 1) << type;
    }
}

TEST(Unreachable, OtherProtocolsAreNone) {
    for (int protocol = 0; protocol < 256; ++protocol) {
        const auto p = static_cast<std::uint8_t>(protocol);
        const Packet quote = ipv4(1, 2, p, kEightBytes);
        EXPECT_EQ(parsed(ipv4(9, 1, kIcmp, icmp(3, 1, quote))).has_value(), p == kTcp) << protocol;
        EXPECT_EQ(parsed(ipv4(9, 1, p, icmp(3, 1, ipv4(1, 2, kTcp, kEightBytes)))).has_value(), p == kIcmp)
            << protocol;
    }
    EXPECT_FALSE(parsed(ipv6(9, 1, kIcmpv6, icmp(1, 0, ipv6(1, 2, 17, kEightBytes)))));
    EXPECT_FALSE(parsed(ipv6(9, 1, kIcmp, icmp(1, 0, ipv6(1, 2, kTcp, kEightBytes)))));
}

TEST(Unreachable, Ipv4OptionsArePassedOverInBothHeaders) {
    const Packet options = {7, 7, 4, 0, 0, 0, 0, 0};
    EXPECT_EQ(parsed(ipv4(9, 1, kIcmp, icmp(3, 1, ipv4(1, 2, kTcp, kEightBytes, options)), options)),
              kQuotedV4);
}

TEST(Unreachable, Ipv6ExtensionHeadersArePassedOverInBothHeaders) {
    const Packet padding = {1, 4, 0, 0, 0, 0};
    const Packet quote = ipv6(1, 2, 60, join({{kTcp, 0}, padding, kEightBytes}));
    EXPECT_EQ(parsed(ipv6(9, 1, 0, join({{kIcmpv6, 0}, padding, icmp(1, 0, quote)}))), kQuotedV6);
}

TEST(Unreachable, AFragmentBeyondTheFirstQuotesNoTcpHeader) {
    Packet quote = ipv4(1, 2, kTcp, kEightBytes);
    quote[7] = 1;
    EXPECT_FALSE(parsed(ipv4(9, 1, kIcmp, icmp(3, 1, quote))));
    const Packet fragment = {kTcp, 0, 0, 8, 0, 0, 0, 1};
    EXPECT_FALSE(parsed(ipv6(9, 1, kIcmpv6, icmp(1, 0, ipv6(1, 2, 44, join({fragment, kEightBytes}))))));
}

TEST(Unreachable, OneVersionDoesNotQuoteTheOther) {
    EXPECT_FALSE(parsed(ipv4(9, 1, kIcmp, icmp(3, 1, ipv6(1, 2, kTcp, kEightBytes)))));
    EXPECT_FALSE(parsed(ipv6(9, 1, kIcmpv6, icmp(1, 0, ipv4(1, 2, kTcp, kEightBytes)))));
}

TEST(Unreachable, WhatStandsBehindThePacketsEndIsNoQuote) {
    Packet short_v4 = error_v4();
    --short_v4[3];
    EXPECT_FALSE(parsed(short_v4));
    Packet short_v6 = error_v6();
    --short_v6[5];
    EXPECT_FALSE(parsed(short_v6));
}

TEST(Unreachable, TruncatedAnywhereItIsNone) {
    const Packet options = {7, 7, 4, 0, 0, 0, 0, 0};
    const Packet extension = {kTcp, 0, 1, 4, 0, 0, 0, 0};
    for (const Packet& whole :
         {error_v4(), error_v6(),
          ipv4(9, 1, kIcmp, icmp(3, 1, ipv4(1, 2, kTcp, kEightBytes, options)), options),
          ipv6(9, 1, kIcmpv6, icmp(1, 0, ipv6(1, 2, 60, join({extension, kEightBytes}))))}) {
        EXPECT_TRUE(parsed(whole));
        for (std::size_t size = 0; size < whole.size(); ++size)
            EXPECT_FALSE(parsed(Packet(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))))
                << size << " of " << whole.size();
    }
}

TEST(Unreachable, GarbledAnywhereItIsReadWithinItsBytes) {
    std::mt19937 random(1);
    for (const Packet& whole : {error_v4(), error_v6()}) {
        for (int round = 0; round < 20000; ++round) {
            Packet packet = whole;
            for (int i = 0; i < 3; ++i)
                packet[random() % packet.size()] = static_cast<std::uint8_t>(random());
            packet.resize(random() % (packet.size() + 1));
            static_cast<void>(parsed(packet));
        }
    }
}

}  // namespace
}  // namespace finwait::tcp
