// Bytes of IP packets: TCP segments, and ICMP errors that quote one. Beyond not crashing: how much of a
// packet was copied changes nothing of what is read, and what was read and is written again reads the same.
#include "input.hpp"
#include "tcp/compose.hpp"
#include "tcp/segment.hpp"
#include "tcp/unreachable.hpp"

#include <algorithm>
#include <array>

namespace finwait::fuzz {
namespace {

using Bytes = std::span<const std::uint8_t>;
using tcp::ParseError;

/// RFC 1071, over a whole packet's TCP part with its pseudo header: 0xffff when the checksum is right.
std::uint32_t checksum(Bytes packet) {
    const bool v4 = packet[0] >> 4U == 4;
    const Bytes addresses = v4 ? packet.subspan(12, 8) : packet.subspan(8, 32);
    const Bytes tcp = packet.subspan(v4 ? 20 : 40);
    std::uint64_t sum = 6 + tcp.size();
    for (const Bytes part : {addresses, tcp})
        for (std::size_t i = 0; i < part.size(); ++i)
            sum += i % 2 == 0 ? std::uint64_t{part[i]} << 8U : part[i];
    while (sum > 0xffff)
        sum = (sum & 0xffffU) + (sum >> 16U);
    return static_cast<std::uint32_t>(sum);
}

bool same_header(const tcp::Segment& a, const tcp::Segment& b) {
    return a.source == b.source && a.destination == b.destination && a.seq == b.seq && a.ack == b.ack &&
           a.length == b.length && a.window == b.window && a.ip_id == b.ip_id && a.flags == b.flags &&
           a.ttl == b.ttl;
}

bool same(const tcp::Segment& a, const tcp::Segment& b) {
    return same_header(a, b) && a.options == b.options && a.ts_value == b.ts_value &&
           a.ts_echo == b.ts_echo && a.mss == b.mss && a.scale == b.scale;
}

void check_values(const tcp::Segment& s, std::size_t wire) {
    require(s.scale <= 14, "a window scale above 14 was taken");
    require(wire == 0 || s.length <= wire, "a payload is longer than its packet");
    require(s.offers(tcp::option::mss) || s.mss == 0, "a segment size without its option");
    require(s.offers(tcp::option::timestamps) || (s.ts_value == 0 && s.ts_echo == 0),
            "a timestamp without its option");
    require(!s.text().empty(), "a segment without a text");
    for (const tcp::Endpoint* end : {&s.source, &s.destination})
        require(tcp::Address::parse(end->address.text()) == end->address,
                "an address does not read back from its text");
}

/// The daemon copies the first bytes only, and knows the length on the wire.
void check_shorter_copy(Bytes packet, std::size_t wire, const tcp::Segment& whole, std::size_t copied) {
    if (wire == 0) return;
    tcp::Segment s;
    const ParseError error = tcp::parse(packet.first(std::min(copied, packet.size())), wire, s);
    if (error == ParseError::truncated) return;
    require(error == ParseError::none, "a shorter copy is refused for another reason");
    require(same_header(s, whole), "a shorter copy shows another segment");
}

void check_round_trip(const tcp::Segment& s) {
    static constexpr std::array<std::uint8_t, tcp::kMaxComposed> kPayload{};
    if (s.length > kPayload.size()) return;
    tcp::PacketBuffer out;
    const std::size_t size = tcp::compose(s, std::span(kPayload).first(s.length), out);
    if (size == 0) return;
    const Bytes packet = std::span(out).first(size);
    require(checksum(packet) == 0xffff, "a composed segment has a wrong checksum");
    tcp::Segment again;
    require(tcp::parse(packet, size, again) == ParseError::none, "a composed segment cannot be read");
    require(same(s, again), "a segment that was written and read is another one");
}

void check_error(Bytes packet, std::size_t copied, bool is_segment) {
    const auto quoted = tcp::parse_unreachable(packet);
    if (!quoted) return;
    require(!is_segment, "a packet is both a segment and an ICMP error");
    const auto shorter = tcp::parse_unreachable(packet.first(std::min(copied, packet.size())));
    require(!shorter || *shorter == *quoted, "a shorter copy quotes another segment");
}

}  // namespace
}  // namespace finwait::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace finwait;
    fuzz::Input in(data, size);
    const std::size_t wire = in.take<std::uint16_t>();
    const std::size_t copied = in.take<std::uint8_t>();
    const fuzz::Bytes packet = in.rest();
    tcp::Segment segment;
    const tcp::ParseError error = tcp::parse(packet, wire, segment);
    fuzz::require(!tcp::name(error).empty(), "an error without a name");
    if (error == tcp::ParseError::none) {
        fuzz::check_values(segment, wire);
        fuzz::check_shorter_copy(packet, wire, segment, copied);
        fuzz::check_round_trip(segment);
    }
    fuzz::check_error(packet, copied, error == tcp::ParseError::none);
    return 0;
}
