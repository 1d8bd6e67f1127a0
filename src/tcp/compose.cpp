#include "tcp/compose.hpp"

#include <algorithm>

namespace finwait::tcp {
namespace {

constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kTcpHeader = 20;
constexpr std::size_t kMaxOptions = 40;
constexpr std::size_t kMaxPacket = 65535;
constexpr std::uint8_t kProtocolTcp = 6;

/// Appends big-endian numbers to a place that is known to be large enough.
class Writer {
  public:
    explicit Writer(std::span<std::uint8_t> out) : out_(out) {}

    void u8(unsigned v) { out_[at_++] = static_cast<std::uint8_t>(v); }
    void u16(unsigned v) {
        u8(v >> 8U);
        u8(v);
    }
    void u32(std::uint32_t v) {
        u16(v >> 16U);
        u16(v);
    }
    void bytes(std::span<const std::uint8_t> b) {
        std::copy(b.begin(), b.end(), out_.subspan(at_).begin());
        at_ += b.size();
    }
    void zeros(std::size_t n) {
        for (; n > 0; --n)
            u8(0);
    }
    [[nodiscard]] std::size_t size() const { return at_; }

  private:
    std::span<std::uint8_t> out_;
    std::size_t at_ = 0;
};

/// RFC 1071: the sum of 16-bit words, to be folded and complemented.
std::uint32_t add_words(std::uint32_t sum, std::span<const std::uint8_t> bytes) {
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        sum += static_cast<std::uint32_t>(bytes[i]) << 8U | bytes[i + 1];
    }
    if (bytes.size() % 2 != 0) sum += static_cast<std::uint32_t>(bytes.back()) << 8U;
    return sum;
}

std::uint16_t fold(std::uint32_t sum) {
    while (sum > 0xFFFFU)
        sum = (sum & 0xFFFFU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum);
}

void put16(std::span<std::uint8_t> packet, std::size_t at, std::uint16_t value) {
    packet[at] = static_cast<std::uint8_t>(value >> 8U);
    packet[at + 1] = static_cast<std::uint8_t>(value);
}

/// An option, with NOPs before it so that it ends on a 32-bit boundary, as Linux lays them out.
struct OptionHead {
    std::uint8_t bit;
    std::uint8_t kind;
    std::uint8_t size;  // kind and length bytes included

    [[nodiscard]] constexpr std::size_t padded() const { return (size + std::size_t{3}) / 4 * 4; }
};

/// Kinds by IANA. AO with its usual 96-bit MAC, Fast Open as a request for a cookie.
constexpr std::array<OptionHead, 8> kOptions = {{{option::mss, 2, 4},
                                                 {option::window_scale, 3, 3},
                                                 {option::sack_permitted, 4, 2},
                                                 {option::timestamps, 8, 10},
                                                 {option::md5, 19, 18},
                                                 {option::ao, 29, 16},
                                                 {option::mptcp, 30, 4},
                                                 {option::fast_open, 34, 2}}};

std::size_t options_size(const Segment& s) {
    std::size_t size = 0;
    for (const OptionHead& o : kOptions) {
        if (s.offers(o.bit)) size += o.padded();
    }
    return size;
}

void write_options(const Segment& s, Writer& w) {
    for (const OptionHead& o : kOptions) {
        if (!s.offers(o.bit)) continue;
        for (std::size_t pad = o.padded() - o.size; pad > 0; --pad)
            w.u8(1);
        w.u8(o.kind);
        w.u8(o.size);
        if (o.bit == option::mss) {
            w.u16(s.mss);
        } else if (o.bit == option::window_scale) {
            w.u8(s.scale);
        } else if (o.bit == option::timestamps) {
            w.u32(s.ts_value);
            w.u32(s.ts_echo);
        } else if (o.bit == option::mptcp) {
            // MP_CAPABLE version 1 on a SYN, else an empty DSS (RFC 8684 sections 3.1 and 3.3).
            w.u16(s.any(flag::syn) ? 0x0101U : 0x2000U);
        } else {
            w.zeros(o.size - std::size_t{2});
        }
    }
}

void write_ipv4(const Segment& s, std::size_t total, Writer& w) {
    constexpr unsigned kDontFragment = 0x4000;
    w.u16(0x4500);
    w.u16(static_cast<unsigned>(total));
    w.u16(s.ip_id);
    w.u16(kDontFragment);
    w.u8(s.ttl);
    w.u8(kProtocolTcp);
    w.u16(0);
    w.bytes(s.source.address.v4_bytes());
    w.bytes(s.destination.address.v4_bytes());
}

void write_ipv6(const Segment& s, std::size_t payload, Writer& w) {
    w.u32(0x60000000);
    w.u16(static_cast<unsigned>(payload));
    w.u8(kProtocolTcp);
    w.u8(s.ttl);
    w.bytes(s.source.address.bytes());
    w.bytes(s.destination.address.bytes());
}

void write_tcp(const Segment& s, std::size_t header, Writer& w) {
    w.u16(s.source.port);
    w.u16(s.destination.port);
    w.u32(s.seq.value());
    w.u32(s.ack.value());
    w.u8(static_cast<unsigned>(header / 4) << 4U);
    w.u8(s.flags);
    w.u16(s.window);
    w.u32(0);  // checksum, urgent pointer
    write_options(s, w);
}

}  // namespace

std::size_t compose(const Segment& segment, std::span<const std::uint8_t> payload,
                    std::span<std::uint8_t> out) {
    const bool v4 = segment.source.address.is_v4();
    const std::size_t options = options_size(segment);
    const std::size_t ip = v4 ? kIpv4Header : kIpv6Header;
    const std::size_t tcp = kTcpHeader + options;
    const std::size_t total = ip + tcp + payload.size();
    const bool sound = v4 == segment.destination.address.is_v4() && payload.size() == segment.length;
    if (!sound || options > kMaxOptions || total > std::min(out.size(), kMaxPacket)) return 0;

    Writer w(out);
    if (v4) {
        write_ipv4(segment, total, w);
    } else {
        write_ipv6(segment, total - ip, w);
    }
    write_tcp(segment, tcp, w);
    w.bytes(payload);

    const auto packet = out.first(w.size());
    if (v4) put16(packet, 10, fold(add_words(0, packet.first(kIpv4Header))));
    // The pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1): both addresses, the length, the
    // protocol.
    const auto addresses = v4 ? packet.subspan(12, 8) : packet.subspan(8, 32);
    const auto pseudo = add_words(static_cast<std::uint32_t>(total - ip) + kProtocolTcp, addresses);
    put16(packet, ip + 16, fold(add_words(pseudo, packet.subspan(ip))));
    return packet.size();
}

}  // namespace finwait::tcp
