// Bytes → Segment: lengths, extension headers, options, and that nothing beyond the given bytes is ever read.
// Packets are copied into buffers of their exact size, so that AddressSanitizer sees every overrun.
#include "tcp/segment.hpp"

#include "tcp/compose.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace finwait::tcp {
namespace {

using Packet = std::vector<std::uint8_t>;

constexpr std::uint8_t kTcp = 6;

Packet join(std::initializer_list<Packet> parts) {
    Packet all;
    for (const Packet& part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

/// Ports 1000 and 80, seq 5, ack 9, FIN|ACK, window 512.
Packet tcp_header(const Packet& options = {}, std::uint8_t flags = flag::fin | flag::ack) {
    const auto offset = static_cast<std::uint8_t>((20 + options.size()) / 4 << 4U);
    return join({{0x03, 0xE8, 0, 80, 0, 0, 0, 5, 0, 0, 0, 9, offset, flags, 2, 0, 0, 0, 0, 0}, options});
}

/// 10.0.0.1 > 10.0.0.2, id 7, ttl 63; `total` overrides the length that fits `rest`.
Packet ipv4(const Packet& rest, int total = -1, const Packet& ip_options = {}) {
    const std::size_t length =
        total >= 0 ? static_cast<std::size_t>(total) : 20 + ip_options.size() + rest.size();
    const auto first = static_cast<std::uint8_t>(0x40 | (20 + ip_options.size()) / 4);
    return join({{first,
                  0,
                  static_cast<std::uint8_t>(length >> 8U),
                  static_cast<std::uint8_t>(length),
                  0,
                  7,
                  0x40,
                  0,
                  63,
                  kTcp,
                  0,
                  0,
                  10,
                  0,
                  0,
                  1,
                  10,
                  0,
                  0,
                  2},
                 ip_options,
                 rest});
}

/// 2001:db8::1 > 2001:db8::2, hop limit 62.
Packet ipv6(const Packet& rest, std::uint8_t next = kTcp, int payload = -1) {
    const std::size_t length = payload >= 0 ? static_cast<std::size_t>(payload) : rest.size();
    return join({{0x60, 0, 0, 0, static_cast<std::uint8_t>(length >> 8U), static_cast<std::uint8_t>(length),
                  next, 62},
                 {0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
                 {0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2},
                 rest});
}

ParseError parse_exact(const Packet& packet, std::size_t wire, Segment& s) {
    const std::unique_ptr<std::uint8_t[]> heap(new std::uint8_t[packet.size()]);
    std::copy(packet.begin(), packet.end(), heap.get());
    return parse({heap.get(), packet.size()}, wire, s);
}

Segment parsed(const Packet& packet, std::size_t wire = 0) {
    Segment s;
    EXPECT_EQ(parse_exact(packet, wire, s), ParseError::none);
    return s;
}

ParseError error_of(const Packet& packet, std::size_t wire = 0) {
    Segment s;
    return parse_exact(packet, wire, s);
}

TEST(Segment, ReadsEveryFieldOfAnIpv4Header) {
    const Segment s = parsed(join({ipv4(tcp_header(), 43), {1, 2, 3}}));
    EXPECT_EQ(s.text(), "10.0.0.1:1000 > 10.0.0.2:80 FIN|ACK seq 5 ack 9 len 3");
    EXPECT_EQ(s.ip_id, 7);
    EXPECT_EQ(s.ttl, 63);
    EXPECT_EQ(s.window, 512);
    EXPECT_EQ(s.options, 0);
    EXPECT_EQ(s.end(), Seq(9));
}

TEST(Segment, ReadsEveryFieldOfAnIpv6Header) {
    const Segment s = parsed(ipv6(tcp_header()));
    EXPECT_EQ(s.text(), "[2001:db8::1]:1000 > [2001:db8::2]:80 FIN|ACK seq 5 ack 9 len 0");
    EXPECT_EQ(s.ip_id, 0);
    EXPECT_EQ(s.ttl, 62);
}

TEST(Segment, LengthIsTheHeadersEvenWhenThePayloadWasNotCopied) {
    EXPECT_EQ(parsed(ipv4(tcp_header(), 1500)).length, 1460U);
    EXPECT_EQ(parsed(ipv4(tcp_header(), 1500), 1500).length, 1460U);
    EXPECT_EQ(parsed(ipv6(tcp_header(), kTcp, 1460)).length, 1440U);
}

TEST(Segment, LinkLayerPaddingIsNotPayload) {
    const Packet padded = join({ipv4(tcp_header()), Packet(6, 0xEE)});
    EXPECT_EQ(parsed(padded, 46).length, 0U);
    EXPECT_EQ(parsed(padded).length, 0U);
}

TEST(Segment, Ipv4OptionsArePassedOver) {
    EXPECT_EQ(parsed(ipv4(tcp_header(), -1, {0x94, 4, 0, 0})).seq, Seq(5));
}

TEST(Segment, BigTcpOverIpv4TakesItsLengthFromTheWire) {
    EXPECT_EQ(parsed(ipv4(tcp_header(), 0), 190'040).length, 190'000U);
    EXPECT_EQ(error_of(ipv4(tcp_header(), 0)), ParseError::bad_length);
}

TEST(Segment, BigTcpOverIpv6TakesItsLengthFromTheJumboOption) {
    // 0x00028000 = 163840 bytes after the IPv6 header, eight of them this option.
    const Packet jumbo = {kTcp, 0, 0xC2, 4, 0, 2, 0x80, 0};
    EXPECT_EQ(parsed(ipv6(join({jumbo, tcp_header()}), 0, 0)).length, 163'840U - 28);
    EXPECT_EQ(parsed(ipv6(join({jumbo, tcp_header()}), 0, 0), 163'880).length, 163'840U - 28);
}

TEST(Segment, BigTcpOverIpv6WithoutAJumboOptionTakesItsLengthFromTheWire) {
    EXPECT_EQ(parsed(ipv6(tcp_header(), kTcp, 0), 190'060).length, 190'000U);
    EXPECT_EQ(error_of(ipv6(tcp_header(), kTcp, 0)), ParseError::bad_length);
}

TEST(Segment, Ipv6ExtensionHeadersBeforeTcpArePassedOver) {
    const Packet hop = {43, 0, 1, 4, 0, 0, 0, 0};
    const Packet routing = {60, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    const Packet destination = {51, 0, 1, 4, 0, 0, 0, 0};
    const Packet authentication = {44, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
    const Packet atomic_fragment = {kTcp, 0, 0, 0, 0, 0, 0, 1};
    const Packet chain = join({hop, routing, destination, authentication, atomic_fragment, tcp_header()});
    const Segment s = parsed(ipv6(chain, 0));
    EXPECT_EQ(s.seq, Seq(5));
    EXPECT_EQ(s.length, 0U);
    for (std::size_t n = 0; n < 40 + chain.size(); ++n) {
        Packet cut = ipv6(chain, 0);
        cut.resize(n);
        EXPECT_EQ(error_of(cut), ParseError::truncated) << n;
    }
}

TEST(Segment, AChainOfTooManyExtensionHeadersIsNotFollowed) {
    Packet chain;
    for (int i = 0; i < 9; ++i)
        chain = join({{60, 0, 1, 4, 0, 0, 0, 0}, chain});
    EXPECT_EQ(error_of(ipv6(join({chain, tcp_header()}), 60)), ParseError::not_tcp);
}

TEST(Segment, AFragmentIsNamedOne) {
    Packet more = ipv4(tcp_header());
    more[6] = 0x20;
    EXPECT_EQ(error_of(more), ParseError::fragment);
    Packet later = ipv4(tcp_header());
    later[7] = 1;
    EXPECT_EQ(error_of(later), ParseError::fragment);
    EXPECT_EQ(error_of(ipv6(join({{kTcp, 0, 0, 1, 0, 0, 0, 1}, tcp_header()}), 44)), ParseError::fragment);
    EXPECT_EQ(error_of(ipv6(join({{kTcp, 0, 0, 8, 0, 0, 0, 1}, tcp_header()}), 44)), ParseError::fragment);
}

TEST(Segment, AnotherProtocolIsNamedSo) {
    Packet udp = ipv4(tcp_header());
    udp[9] = 17;
    EXPECT_EQ(error_of(udp), ParseError::not_tcp);
    EXPECT_EQ(error_of(ipv6(tcp_header(), 17)), ParseError::not_tcp);
    EXPECT_EQ(error_of({0x50, 0, 0, 0}), ParseError::not_ip);
    EXPECT_EQ(error_of({}), ParseError::truncated);
}

TEST(Segment, LengthsThatContradictEachOtherAreBad) {
    EXPECT_EQ(error_of(ipv4(tcp_header(), 39)), ParseError::bad_length) << "no room for a TCP header";
    EXPECT_EQ(error_of(ipv4(tcp_header(), 19)), ParseError::bad_length) << "no room for the IP header";
    EXPECT_EQ(error_of(ipv4(tcp_header(), 1500), 1499), ParseError::bad_length) << "the wire had less";
    EXPECT_EQ(error_of(ipv6(tcp_header(), kTcp, 19)), ParseError::bad_length);
    Packet short_ip = ipv4(tcp_header());
    short_ip[0] = 0x44;
    EXPECT_EQ(error_of(short_ip), ParseError::bad_length);
    Packet low_offset = ipv4(tcp_header());
    low_offset[32] = 0x40;
    EXPECT_EQ(error_of(low_offset), ParseError::bad_length);
    Packet high_offset = ipv4(tcp_header());
    high_offset[32] = 0x60;
    EXPECT_EQ(error_of(high_offset), ParseError::bad_length) << "options beyond the packet's end";
}

TEST(Options, ReadsThoseOfALinuxSyn) {
    const Segment s = parsed(
        ipv4(tcp_header({2, 4, 0x05, 0xB4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7}, flag::syn)));
    EXPECT_EQ(s.options, option::mss | option::sack_permitted | option::timestamps | option::window_scale);
    EXPECT_EQ(s.mss, 1460);
    EXPECT_EQ(s.ts_value, 0x01020304U);
    EXPECT_EQ(s.ts_echo, 0U);
    EXPECT_EQ(s.scale, 7);
}

TEST(Options, AWindowScaleAbove14CountsAs14) {
    EXPECT_EQ(parsed(ipv4(tcp_header({3, 3, 15, 0}))).scale, 14);
}

TEST(Options, SignaturesAndExtensionsAreNoticed) {
    const auto with = [](Packet options) {
        while (options.size() % 4 != 0)
            options.push_back(0);
        return parsed(ipv4(tcp_header(options))).options;
    };
    Packet md5(18, 0xAA);
    md5[0] = 19;
    md5[1] = 18;
    EXPECT_EQ(with(md5), option::md5);
    EXPECT_EQ(with({29, 16, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), option::ao);
    EXPECT_EQ(with({30, 4, 0x01, 0x01}), option::mptcp);
    EXPECT_EQ(with({34, 2}), option::fast_open);
    EXPECT_EQ(with({34, 6, 1, 2, 3, 4}), option::fast_open);
    EXPECT_EQ(with({254, 4, 0xF9, 0x89}), option::fast_open);
    EXPECT_EQ(with({254, 4, 0x12, 0x34}), 0);
}

TEST(Options, OneOfTheWrongLengthIsPassedOverAndTheNextIsRead) {
    EXPECT_EQ(parsed(ipv4(tcp_header({2, 3, 9, 3, 4, 7, 0, 4, 2, 1, 1, 1}))).options, option::sack_permitted);
}

TEST(Options, AMalformedOneEndsTheReadingOfOptionsOnly) {
    for (const Packet& bad : {Packet{4, 2, 3, 0, 3, 3, 7, 1}, Packet{4, 2, 3, 1, 3, 3, 7, 1},
                              Packet{4, 2, 1, 1, 1, 3, 40, 7}, Packet{4, 2, 1, 1, 1, 1, 1, 3}}) {
        const Segment s = parsed(ipv4(tcp_header(bad)));
        EXPECT_EQ(s.options, option::sack_permitted);
        EXPECT_EQ(s.seq, Seq(5));
    }
}

TEST(Options, NothingIsReadAfterTheEndOfOptions) {
    EXPECT_EQ(parsed(ipv4(tcp_header({1, 0, 4, 2}))).options, 0);
}

TEST(Options, WhatWasCopiedOfThemIsRead) {
    const Packet whole = ipv4(tcp_header({4, 2, 1, 1, 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}));
    for (std::size_t n = 40; n <= whole.size(); ++n) {
        Packet cut = whole;
        cut.resize(n);
        const Segment s = parsed(cut);
        EXPECT_EQ(s.offers(option::sack_permitted), n >= 42) << n;
        EXPECT_EQ(s.offers(option::timestamps), n == whole.size()) << n;
        EXPECT_EQ(s.length, 0U);
    }
}

TEST(Options, ASignatureIsNoticedWhenItsDigestWasNotCopied) {
    Packet md5(20, 0xAA);
    md5[0] = 19;
    md5[1] = 18;
    Packet cut = ipv4(tcp_header(md5));
    cut.resize(44);
    EXPECT_EQ(parsed(cut).options, option::md5);
}

TEST(Flags, AreSpeltInTheOrderOfTheirBits) {
    EXPECT_EQ(flags_text(0), "none");
    EXPECT_EQ(flags_text(flag::syn | flag::ack), "SYN|ACK");
    EXPECT_EQ(flags_text(0xFF), "FIN|SYN|RST|PSH|ACK|URG|ECE|CWR");
}

TEST(Segment, EveryTruncationGivesAnErrorOrTheSameSegment) {
    const Packet options = {2, 4, 5, 0xB4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7};
    for (const Packet& whole :
         {join({ipv4(tcp_header(options), 65), Packet(5)}), ipv6(tcp_header(options))}) {
        const Segment full = parsed(whole);
        const std::size_t needed = (whole[0] >> 4U == 4 ? 20 : 40) + 20;
        for (std::size_t n = 0; n < whole.size(); ++n) {
            Packet cut = whole;
            cut.resize(n);
            Segment s;
            const ParseError e = parse_exact(cut, whole.size(), s);
            EXPECT_EQ(e, n < needed ? ParseError::truncated : ParseError::none) << n;
            EXPECT_TRUE(e != ParseError::none || s.text() == full.text()) << n;
        }
    }
}

TEST(Segment, GarbledPacketsNeitherCrashNorClaimMoreThanTheirLength) {
    std::mt19937 random(20240607);
    const Packet good[] = {
        ipv4(tcp_header({2, 4, 5, 0xB4, 4, 2, 1, 1})),
        ipv6(join({{43, 0, 0xC2, 4, 0, 1, 0, 0}, {kTcp, 0, 0, 0, 0, 0, 0, 0}, tcp_header()}), 0)};
    for (int i = 0; i < 200'000; ++i) {
        Packet p = good[random() % 2];
        p.resize(random() % (p.size() + 8));
        for (auto changes = random() % 6; changes > 0 && !p.empty(); --changes) {
            p[random() % p.size()] = static_cast<std::uint8_t>(random());
        }
        const std::size_t wire = random() % 3 == 0 ? 0 : random() % 300;
        Segment s;
        if (parse_exact(p, wire, s) != ParseError::none) continue;
        ASSERT_LE(s.scale, 14);
        ASSERT_TRUE(wire == 0 || s.length + 40 <= wire);
    }
}

TEST(Segment, RandomBytesNeverCrash) {
    std::mt19937 random(42);
    for (int i = 0; i < 200'000; ++i) {
        Packet p(random() % 128);
        for (std::uint8_t& b : p)
            b = static_cast<std::uint8_t>(random());
        if (!p.empty()) p[0] = static_cast<std::uint8_t>((random() % 2 == 0 ? 0x45 : 0x60));
        Segment s;
        (void)parse_exact(p, 0, s);
    }
}

}  // namespace
}  // namespace finwait::tcp
