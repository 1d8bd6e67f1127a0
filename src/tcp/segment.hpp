// A TCP segment as a value, and the reading of it from the bytes of an IP packet (RFC 791, 8200, 9293
// section 3.1, 7323). Knows nothing of flows or state. Never throws, never reads past what was copied.
#pragma once

#include "tcp/address.hpp"
#include "tcp/seq.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace finwait::tcp {

/// Control bits as they stand in the header's 14th byte.
namespace flag {
inline constexpr std::uint8_t fin = 0x01;
inline constexpr std::uint8_t syn = 0x02;
inline constexpr std::uint8_t rst = 0x04;
inline constexpr std::uint8_t psh = 0x08;
inline constexpr std::uint8_t ack = 0x10;
inline constexpr std::uint8_t urg = 0x20;
inline constexpr std::uint8_t ece = 0x40;
inline constexpr std::uint8_t cwr = 0x80;
}  // namespace flag

/// What the options said, as bits. The values that belong to them are members of Segment.
namespace option {
inline constexpr std::uint8_t window_scale = 0x01;
inline constexpr std::uint8_t timestamps = 0x02;
inline constexpr std::uint8_t sack_permitted = 0x04;
inline constexpr std::uint8_t md5 = 0x08;        // RFC 2385
inline constexpr std::uint8_t ao = 0x10;         // RFC 5925
inline constexpr std::uint8_t mptcp = 0x20;      // RFC 8684
inline constexpr std::uint8_t fast_open = 0x40;  // RFC 7413
inline constexpr std::uint8_t mss = 0x80;
}  // namespace option

struct Segment {
    Endpoint source;
    Endpoint destination;
    Seq seq;
    Seq ack;                     // meaningful with the ACK bit
    std::uint32_t length = 0;    // payload bytes by the IP header, whether copied or not
    std::uint32_t ts_value = 0;  // with option::timestamps
    std::uint32_t ts_echo = 0;
    std::uint16_t window = 0;   // as sent, unscaled
    std::uint16_t mss = 0;      // with option::mss
    std::uint16_t ip_id = 0;    // IPv4 identification; 0 on IPv6
    std::uint8_t flags = 0;     // flag::
    std::uint8_t options = 0;   // option::
    std::uint8_t scale = 0;     // with option::window_scale, at most 14 (RFC 7323 section 2.3)
    std::uint8_t ttl = 64;      // or hop limit
    std::uint32_t mark = 0;     // what this host routes it by; no part of the packet
    bool unverified = false;    // nobody has looked at its checksum: not all of its bytes are here
    bool accurate_ecn = false;  // the AE bit (RFC 9768)
    bool more_options = false;  // others than those of option::, SACK blocks among them, or not all are here

    [[nodiscard]] bool has(std::uint8_t flag_bits) const { return (flags & flag_bits) == flag_bits; }
    [[nodiscard]] bool any(std::uint8_t flag_bits) const { return (flags & flag_bits) != 0; }
    [[nodiscard]] bool offers(std::uint8_t option_bit) const { return (options & option_bit) != 0; }
    /// Sequence space taken: payload, and one each for SYN and FIN (RFC 9293 section 3.4).
    [[nodiscard]] std::uint32_t space() const {
        return length + (any(flag::syn) ? 1U : 0U) + (any(flag::fin) ? 1U : 0U);
    }
    [[nodiscard]] Seq end() const { return seq + space(); }
    /// One line for people: "10.0.0.1:1 > 10.0.0.2:80 FIN|ACK seq 5 ack 9 len 0".
    [[nodiscard]] std::string text() const;

    friend bool operator==(const Segment&, const Segment&) = default;
};

/// "SYN|ACK", or "none".
[[nodiscard]] std::string flags_text(std::uint8_t flags);

enum class ParseError : std::uint8_t {
    none,
    truncated,     // a header does not fit into the bytes given
    not_ip,        // neither version 4 nor 6
    not_tcp,       // another protocol
    fragment,      // not the first fragment, or more follow: conntrack reassembles before us
    bad_length,    // header or total lengths contradict each other
    bad_checksum,  // endpoints drop it (RFC 9293 section 3.1)
};

/// What is known of a packet's TCP checksum.
enum class Checksum : std::uint8_t {
    trusted,   // whoever received the packet has verified it, or it has not been computed yet
    doubtful,  // nobody has: it is verified where all bytes are there
};

[[nodiscard]] std::string_view name(ParseError e);

/// Reads one IP packet from its IP header on. `copied` may hold less than the packet: `wire_length` is its
/// length on the wire in bytes (0: as the IP header says). Only headers need to be there. Malformed TCP
/// options end the reading of options, not of the segment: what endpoints do (RFC 9293 section 3.1).
[[nodiscard]] ParseError parse(std::span<const std::uint8_t> copied, std::size_t wire_length,
                               Segment& segment, Checksum checksum = Checksum::trusted);

}  // namespace finwait::tcp
