#include "tcp/segment.hpp"

#include "tcp/bytes.hpp"
#include "tcp/checksum.hpp"
#include "tcp/extensions.hpp"

#include <algorithm>
#include <array>

namespace finwait::tcp {
namespace {

constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kTcpHeader = 20;

constexpr std::uint8_t kProtocolTcp = 6;

constexpr std::uint8_t kMaxScale = 14;  // RFC 7323 section 2.3

/// The known options; the numbers are IANA's "TCP Option Kind Numbers".
void read_option(std::uint8_t kind, Bytes body, std::size_t length, Segment& s) {
    // `length` is the body's length as the option says, `body` what was copied of it. An option of the wrong
    // length is passed over, as Linux does (net/ipv4/tcp_input.c, tcp_parse_options).
    const bool whole = body.size() == length;
    switch (kind) {
        case 2:
            if (length != 2 || !whole) return;
            s.mss = read16(body, 0);
            s.options |= option::mss;
            return;
        case 3:
            if (length != 1 || !whole) return;
            s.scale = std::min(body[0], kMaxScale);
            s.options |= option::window_scale;
            return;
        case 4:
            if (length == 0) s.options |= option::sack_permitted;
            return;
        case 8:
            if (length != 8 || !whole) return;
            s.ts_value = read32(body, 0);
            s.ts_echo = read32(body, 4);
            s.options |= option::timestamps;
            return;
        case 19:
            if (length == 16) s.options |= option::md5;
            return;
        case 29:
            if (length >= 2) s.options |= option::ao;
            return;
        case 30:
            if (length >= 1) s.options |= option::mptcp;
            return;
        case 34: s.options |= option::fast_open; return;
        case 254:  // shared by experiments; Fast Open's was 0xF989 (RFC 7413 appendix A)
            if (body.size() >= 2 && read16(body, 0) == 0xF989) s.options |= option::fast_open;
            return;
        default: s.more_options = true; return;
    }
}

/// `declared` is the options' length by the data offset, `copied` what is there of them.
void read_options(Bytes copied, std::size_t declared, Segment& s) {
    constexpr std::uint8_t kEnd = 0;
    constexpr std::uint8_t kNoOperation = 1;
    std::size_t at = 0;
    while (at < copied.size() && copied[at] != kEnd) {
        const std::uint8_t kind = copied[at];
        if (kind == kNoOperation) {
            ++at;
            continue;
        }
        if (at + 1 >= copied.size()) return;
        const std::size_t size = copied[at + 1];
        if (size < 2 || at + size > declared) return;
        const Bytes there = copied.subspan(at + 2);
        read_option(kind, there.first(std::min(there.size(), size - 2)), size - 2, s);
        at += size;
    }
}

/// `wire` is the length of header and payload on the wire, `copied` what is there of them.
ParseError parse_tcp(Bytes copied, std::size_t wire, Checksum checksum, Segment& s) {
    if (wire < kTcpHeader) return ParseError::bad_length;
    copied = copied.first(std::min(copied.size(), wire));
    if (copied.size() < kTcpHeader) return ParseError::truncated;
    const std::size_t header = (static_cast<std::size_t>(copied[12]) >> 4U) * 4;
    if (header < kTcpHeader || header > wire) return ParseError::bad_length;
    if (checksum == Checksum::doubtful) {
        s.unverified = copied.size() < wire;
        if (!s.unverified && !adds_up(s.source.address, s.destination.address, copied))
            return ParseError::bad_checksum;
    }

    s.source.port = read16(copied, 0);
    s.destination.port = read16(copied, 2);
    s.seq = Seq(read32(copied, 4));
    s.ack = Seq(read32(copied, 8));
    s.flags = copied[13];
    s.window = read16(copied, 14);
    s.accurate_ecn = (copied[12] & 1U) != 0;
    s.more_options = copied.size() < header;
    s.length = static_cast<std::uint32_t>(wire - header);
    read_options(copied.first(std::min(copied.size(), header)).subspan(kTcpHeader), header - kTcpHeader, s);
    return ParseError::none;
}

/// A length on the wire beyond the header's is link-layer padding; one below it is a packet that lost its
/// end. 0 in the header is Linux's BIG TCP: more than 16 bits can tell.
std::size_t real_length(std::size_t by_header, std::size_t wire_length) {
    if (by_header == 0) return wire_length;
    if (wire_length != 0 && wire_length < by_header) return 0;
    return by_header;
}

ParseError parse_v4(Bytes copied, std::size_t wire_length, Checksum checksum, Segment& s) {
    if (copied.size() < kIpv4Header) return ParseError::truncated;
    const std::size_t header = (copied[0] & 0x0FU) * std::size_t{4};
    const std::size_t total = real_length(read16(copied, 2), wire_length);
    if (header < kIpv4Header || total < header) return ParseError::bad_length;
    if (copied[9] != kProtocolTcp) return ParseError::not_tcp;
    constexpr std::uint16_t kMoreOrOffset = 0x3FFF;
    if ((read16(copied, 6) & kMoreOrOffset) != 0) return ParseError::fragment;
    if (copied.size() < header) return ParseError::truncated;

    s.source.address = Address::v4(copied.subspan<12, 4>());
    s.destination.address = Address::v4(copied.subspan<16, 4>());
    s.ip_id = read16(copied, 4);
    s.ttl = copied[8];
    return parse_tcp(copied.subspan(header), total - header, checksum, s);
}

ParseError parse_v6(Bytes copied, std::size_t wire_length, Checksum checksum, Segment& s) {
    if (copied.size() < kIpv6Header) return ParseError::truncated;
    const Ipv6Walk walk = walk_extensions(copied, kProtocolTcp);
    if (walk.error != ParseError::none) return walk.error;
    std::size_t payload = read16(copied, 4);
    if (payload == 0) payload = walk.jumbo;
    const std::size_t total = real_length(payload == 0 ? 0 : payload + kIpv6Header, wire_length);
    if (total < walk.headers) return ParseError::bad_length;

    s.source.address = Address::v6(copied.subspan<8, 16>());
    s.destination.address = Address::v6(copied.subspan<24, 16>());
    s.ttl = copied[7];
    // A routing header may hide the address that the checksum covers (RFC 8200 section 8.1).
    if (walk.routed) checksum = Checksum::trusted;
    return parse_tcp(copied.subspan(walk.headers), total - walk.headers, checksum, s);
}

}  // namespace

ParseError parse(std::span<const std::uint8_t> copied, std::size_t wire_length, Segment& segment,
                 Checksum checksum) {
    if (copied.empty()) return ParseError::truncated;
    segment = Segment{};
    switch (copied[0] >> 4U) {
        case 4: return parse_v4(copied, wire_length, checksum, segment);
        case 6: return parse_v6(copied, wire_length, checksum, segment);
        default: return ParseError::not_ip;
    }
}

std::string flags_text(std::uint8_t flags) {
    // In the order of the bits; ECE and CWR are RFC 3168's.
    constexpr std::array<std::string_view, 8> kNames = {"FIN", "SYN", "RST", "PSH",
                                                        "ACK", "URG", "ECE", "CWR"};
    std::string text;
    for (std::size_t bit = 0; bit < kNames.size(); ++bit) {
        if ((unsigned{flags} >> bit & 1U) == 0) continue;
        if (!text.empty()) text += '|';
        text += kNames[bit];
    }
    return text.empty() ? "none" : text;
}

std::string Segment::text() const {
    std::string text = source.text() + " > " + destination.text() + ' ' + flags_text(flags) + " seq " +
                       std::to_string(seq.value());
    if (any(flag::ack)) text += " ack " + std::to_string(ack.value());
    return text + " len " + std::to_string(length);
}

std::string_view name(ParseError e) {
    switch (e) {
        case ParseError::none: return "none";
        case ParseError::truncated: return "truncated";
        case ParseError::not_ip: return "not IP";
        case ParseError::not_tcp: return "not TCP";
        case ParseError::fragment: return "fragment";
        case ParseError::bad_length: return "bad length";
        case ParseError::bad_checksum: return "bad checksum";
    }
    return "unknown";
}

}  // namespace finwait::tcp
