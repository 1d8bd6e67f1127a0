// Segment → bytes → Segment, and checksums against vectors worked out by hand.
#include "tcp/compose.hpp"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace finwait::tcp {
namespace {

Endpoint endpoint(const char* address, std::uint16_t port) {
    return {Address::parse(address).value(), port};
}

Segment sample(bool v4) {
    Segment s;
    s.source = v4 ? endpoint("10.0.0.1", 1000) : endpoint("2001:db8::1", 1000);
    s.destination = v4 ? endpoint("10.0.0.2", 80) : endpoint("2001:db8::2", 80);
    s.seq = Seq(0xFFFFFFF0);
    s.ack = Seq(0x12345678);
    s.flags = flag::rst | flag::ack;
    s.window = 512;
    s.ip_id = v4 ? 0xBEEF : 0;
    s.ttl = 61;
    return s;
}

std::vector<std::uint8_t> composed(const Segment& s, const std::vector<std::uint8_t>& payload = {}) {
    PacketBuffer out;
    const std::size_t n = compose(s, payload, out);
    return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n)};
}

void expect_same(const Segment& a, const Segment& b) {
    EXPECT_EQ(a.text(), b.text());
    EXPECT_EQ(a.ack, b.ack);
    EXPECT_EQ(a.options, b.options);
    EXPECT_EQ(a.mss, b.mss);
    EXPECT_EQ(a.scale, b.scale);
    EXPECT_EQ(a.ts_value, b.ts_value);
    EXPECT_EQ(a.ts_echo, b.ts_echo);
    EXPECT_EQ(a.window, b.window);
    EXPECT_EQ(a.ip_id, b.ip_id);
    EXPECT_EQ(a.ttl, b.ttl);
}

/// RFC 1071: summed up with its own checksum, a header gives all ones.
std::uint16_t ones_sum(const std::vector<std::uint8_t>& bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        sum += static_cast<std::uint32_t>(bytes[i]) << (i % 2 == 0 ? 8U : 0U);
    while (sum > 0xFFFF)
        sum = (sum & 0xFFFF) + (sum >> 16U);
    return static_cast<std::uint16_t>(sum);
}

/// The TCP part with its pseudo header, laid out as RFC 9293 draws it.
std::vector<std::uint8_t> with_pseudo_header(const std::vector<std::uint8_t>& packet) {
    const bool v4 = packet[0] >> 4U == 4;
    const std::ptrdiff_t ip = v4 ? 20 : 40;
    std::vector<std::uint8_t> all(packet.begin() + (v4 ? 12 : 8), packet.begin() + ip);
    const std::size_t length = packet.size() - static_cast<std::size_t>(ip);
    all.insert(all.end(), {0, 6, static_cast<std::uint8_t>(length >> 8U), static_cast<std::uint8_t>(length)});
    all.insert(all.end(), packet.begin() + ip, packet.end());
    return all;
}

class RoundTrip : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Compose, RoundTrip, testing::Values(true, false),
                         [](const auto& instance) { return instance.param ? "v4" : "v6"; });

TEST_P(RoundTrip, ABareSegmentComesBack) {
    const Segment s = sample(GetParam());
    const auto packet = composed(s);
    EXPECT_EQ(packet.size(), GetParam() ? 40U : 60U);
    Segment back;
    ASSERT_EQ(parse(packet, packet.size(), back), ParseError::none);
    expect_same(s, back);
}

TEST_P(RoundTrip, EverySetOfOptionsThatFitsComesBack) {
    int fitting = 0;
    for (unsigned options = 0; options < 256; ++options) {
        Segment s = sample(GetParam());
        s.flags = flag::syn;
        s.ack = Seq(0);
        s.options = static_cast<std::uint8_t>(options);
        if (s.offers(option::mss)) s.mss = 1440;
        if (s.offers(option::window_scale)) s.scale = 9;
        if (s.offers(option::timestamps)) {
            s.ts_value = 0xA1B2C3D4;
            s.ts_echo = 0x01020304;
        }
        const auto packet = composed(s);
        if (packet.empty()) continue;
        ++fitting;
        Segment back;
        ASSERT_EQ(parse(packet, packet.size(), back), ParseError::none) << options;
        expect_same(s, back);
        EXPECT_EQ(ones_sum(with_pseudo_header(packet)), 0xFFFF) << options;
    }
    // 40 bytes hold all sets but some with two of timestamps (12), MD5 (20) and AO (16).
    EXPECT_GT(fitting, 128);
    EXPECT_LT(fitting, 256);
}

TEST_P(RoundTrip, PayloadOfOddLengthIsCarriedAndSummed) {
    Segment s = sample(GetParam());
    s.length = 5;
    s.flags = flag::psh | flag::ack;
    const auto packet = composed(s, {1, 2, 3, 4, 0xFF});
    Segment back;
    ASSERT_EQ(parse(packet, packet.size(), back), ParseError::none);
    expect_same(s, back);
    EXPECT_EQ(packet.back(), 0xFF);
    EXPECT_EQ(ones_sum(with_pseudo_header(packet)), 0xFFFF);
}

TEST(Compose, Ipv4BytesAndChecksumsAreThoseWorkedOutByHand) {
    // IP: 4500+0028+BEEF+4000+3D06+0A00+0001+0A00+0002 = 19520, folded 9521, complement 6ADE.
    // TCP: 0A00+0001+0A00+0002+0006+0014 + 03E8+0050+FFFF+FFF0+1234+5678+5014+0200 = 2D304, folded D306,
    // 2CF9.
    const std::vector<std::uint8_t> expected = {0x45, 0x00, 0x00, 0x28, 0xBE, 0xEF, 0x40, 0x00, 0x3D, 0x06,
                                                0x6A, 0xDE, 10,   0,    0,    1,    10,   0,    0,    2,
                                                0x03, 0xE8, 0x00, 0x50, 0xFF, 0xFF, 0xFF, 0xF0, 0x12, 0x34,
                                                0x56, 0x78, 0x50, 0x14, 0x02, 0x00, 0x2C, 0xF9, 0x00, 0x00};
    EXPECT_EQ(composed(sample(true)), expected);
}

TEST(Compose, Ipv6BytesAndChecksumAreThoseWorkedOutByHand) {
    // 2001+0DB8+1 + 2001+0DB8+2 + 0014+0006 + the TCP words above = 31A76, folded 1A79, complement E586.
    const std::vector<std::uint8_t> expected = {
        0x60, 0x00, 0x00, 0x00, 0x00, 0x14, 0x06, 0x3D, 0x20, 0x01, 0x0D, 0xB8, 0,    0,    0,
        0,    0,    0,    0,    0,    0,    0,    0,    1,    0x20, 0x01, 0x0D, 0xB8, 0,    0,
        0,    0,    0,    0,    0,    0,    0,    0,    0,    2,    0x03, 0xE8, 0x00, 0x50, 0xFF,
        0xFF, 0xFF, 0xF0, 0x12, 0x34, 0x56, 0x78, 0x50, 0x14, 0x02, 0x00, 0xE5, 0x86, 0x00, 0x00};
    EXPECT_EQ(composed(sample(false)), expected);
}

TEST(Compose, WhatDoesNotFitIsNotWritten) {
    std::vector<std::uint8_t> small(39, 0xEE);
    EXPECT_EQ(compose(sample(true), {}, small), 0U);
    EXPECT_EQ(small, std::vector<std::uint8_t>(39, 0xEE));
    std::vector<std::uint8_t> exact(40);
    EXPECT_EQ(compose(sample(true), {}, exact), 40U);
}

TEST(Compose, ASegmentThatContradictsItselfIsNotWritten) {
    Segment mixed = sample(true);
    mixed.destination = sample(false).destination;
    EXPECT_TRUE(composed(mixed).empty()) << "IPv4 to IPv6";
    Segment longer = sample(true);
    longer.length = 3;
    EXPECT_TRUE(composed(longer, {1, 2}).empty()) << "length is not the payload's";
}

}  // namespace
}  // namespace finwait::tcp
