// What endpoints drop for its checksum is no segment; what cannot be verified is one, and its word is a
// claim.
#include "support/dialogue.hpp"
#include "tcp/compose.hpp"

#include <vector>

namespace finwait::tcp::testing {
namespace {

using Packet = std::vector<std::uint8_t>;

Packet composed(const char* source, const char* destination, std::size_t payload) {
    Segment s = fin(1001, 5001);
    s.source = {*Address::parse(source), 40000};
    s.destination = {*Address::parse(destination), 80};
    s.length = static_cast<std::uint32_t>(payload);
    Packet data(payload, 0xA5);
    Packet packet(kMaxComposed);
    packet.resize(compose(s, data, packet));
    return packet;
}

ParseError read(const Packet& packet, Segment& s, std::size_t copied = SIZE_MAX) {
    return parse(std::span(packet).first(std::min(copied, packet.size())), packet.size(), s,
                 Checksum::doubtful);
}

TEST(ChecksumOfASegment, IsRightInWhatEndpointsSend) {
    for (const std::size_t payload : {0U, 1U, 2U, 3U, 64U, 65U}) {
        Segment s;
        EXPECT_EQ(read(composed("10.0.0.1", "10.0.0.2", payload), s), ParseError::none) << payload;
        EXPECT_EQ(read(composed("fd99::1", "fd99::2", payload), s), ParseError::none) << payload;
        EXPECT_FALSE(s.unverified);
    }
}

TEST(ChecksumOfASegment, IsWrongWhenAnyOfItsBitsIs) {
    for (const Packet& good : {composed("10.0.0.1", "10.0.0.2", 3), composed("fd99::1", "fd99::2", 3)}) {
        const std::size_t header = good[0] >> 4U == 4 ? 20 : 40;
        for (std::size_t bit = header * 8; bit < good.size() * 8; ++bit) {
            Packet bad = good;
            bad[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
            Segment s;
            EXPECT_NE(read(bad, s), ParseError::none) << bit;
        }
        Packet elsewhere = good;
        ++elsewhere[header - 1];  // another destination
        Segment s;
        EXPECT_EQ(read(elsewhere, s), ParseError::bad_checksum);
        EXPECT_EQ(parse(elsewhere, elsewhere.size(), s), ParseError::none)
            << "whoever received it has looked";
    }
}

TEST(ChecksumOfASegment, OfWhichNotAllIsThereLeavesItUnverified) {
    const Packet packet = composed("10.0.0.1", "10.0.0.2", 100);
    Segment s;
    EXPECT_EQ(read(packet, s, 100), ParseError::none);
    EXPECT_TRUE(s.unverified);
    EXPECT_EQ(s.length, 100U);
}

TEST(ChecksumOfASegment, BehindARoutingHeaderCoversAnAddressThatIsNotKnown) {
    Packet packet = composed("fd99::1", "fd99::2", 0);
    const Packet routing = {6, 0, 4, 1, 0, 0, 0, 0};
    packet.insert(packet.begin() + 40, routing.begin(), routing.end());
    packet[6] = 43;
    packet[5] = static_cast<std::uint8_t>(packet[5] + routing.size());
    ++packet[39];
    Segment s;
    EXPECT_EQ(read(packet, s), ParseError::none);
}

TEST(AnUnverifiedFin, IsAClaimThatGoingOnTakesBack) {
    Dialogue d;
    d.handshake();
    Segment doubtful = fin(1001, 5001, 100);
    doubtful.unverified = true;
    d.client(doubtful);
    EXPECT_STATES(d, "fin-wait-1", "established");
    EXPECT_EQ(d.client(data(1001, 5001, 500)), Outcome::retracted);
    EXPECT_STATES(d, "established", "established");
}

TEST(AnUnverifiedFin, CountsOnceItIsAcknowledged) {
    Dialogue d;
    d.handshake();
    Segment doubtful = fin(1001, 5001, 100);
    doubtful.unverified = true;
    d.client(doubtful);
    d.server(ack(5001, 1102));
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
    EXPECT_TRUE(exact(d.connection));
}

TEST(AnUnverifiedReset, IsAClaimThatGoingOnTakesBack) {
    Dialogue d;
    d.handshake();
    Segment doubtful = rst(1001);
    doubtful.length = 100;
    doubtful.unverified = true;
    d.client(doubtful);
    d.client(data(1001, 5001, 5));
    EXPECT_STATES(d, "established", "established");
}

}  // namespace
}  // namespace finwait::tcp::testing
