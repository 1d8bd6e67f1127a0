#include "load/crafted.hpp"

#include <cstddef>
#include <cstring>
#include <netinet/in.h>

namespace finwait::bench {
namespace {

constexpr std::uint32_t kAddresses = 256;  // of each role: NFQUEUE spreads flows by the pair
constexpr std::uint16_t kServerPort = 80;
constexpr std::uint16_t kFirstClientPort = 1024;
constexpr std::uint16_t kWindow = 8192;
constexpr std::size_t kEthernet = 14;
constexpr std::uint8_t kFin = 0, kSyn = 2, kPsh = 8, kAck = 16;

class Writer {
  public:
    explicit Writer(std::uint8_t* at) : begin_(at), at_(at) {}
    Writer& u8(unsigned v) {
        *at_++ = static_cast<std::uint8_t>(v);
        return *this;
    }
    Writer& u16(unsigned v) { return u8(v >> 8U).u8(v & 0xFFU); }
    Writer& u32(std::uint32_t v) { return u16(v >> 16U).u16(v & 0xFFFFU); }
    Writer& bytes(const void* from, std::size_t n) {
        std::memcpy(at_, from, n);
        at_ += n;
        return *this;
    }
    [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(at_ - begin_); }

  private:
    std::uint8_t* begin_;
    std::uint8_t* at_;
};

/// The host's number within its network, from 1 on.
std::uint32_t host(std::uint32_t flow, From role) {
    const std::uint32_t pair = flow % kAddresses;
    return 1 + (role == From::client ? pair : pair * 7 % kAddresses);
}

std::uint32_t address4(std::uint32_t flow, From role) {
    return (role == From::client ? 0x0A620000U : 0x0A610000U) + host(flow, role);
}

void address6(Writer& w, std::uint32_t flow, From role) {
    w.u32(role == From::client ? 0xFD980000U : 0xFD970000U).u32(0).u32(0).u32(host(flow, role));
}

From peer(From role) {
    return role == From::client ? From::server : From::client;
}

void header4(Writer& w, std::uint32_t flow, From from, std::uint32_t payload) {
    const std::uint32_t source = address4(flow, from), destination = address4(flow, peer(from));
    const std::uint32_t total = 20 + payload;
    std::uint32_t sum = 0x4500U + total + 0x4000U + 0x4006U + (source >> 16U) + (source & 0xFFFFU) +
                        (destination >> 16U) + (destination & 0xFFFFU);
    sum = (sum >> 16U) + (sum & 0xFFFFU);
    sum += sum >> 16U;
    w.u16(0x4500).u16(total).u16(0).u16(0x4000).u16(0x4006).u16(~sum & 0xFFFFU).u32(source).u32(destination);
}

void header6(Writer& w, std::uint32_t flow, From from, std::uint32_t payload) {
    w.u32(0x60000000U).u16(payload).u8(6).u8(64);
    address6(w, flow, from);
    address6(w, flow, peer(from));
}

/// The TCP checksum of what stands from `tcp` on; the addresses are right before it.
void add_checksum(std::uint8_t* tcp, std::uint32_t length, bool v6) {
    const std::uint32_t addresses = v6 ? 32 : 8;
    std::uint32_t sum = IPPROTO_TCP + length;
    for (const std::uint8_t* at = tcp - addresses; at < tcp + length; at += 2)
        sum += std::uint32_t{at[0]} << 8U | at[1];
    sum = (sum >> 16U) + (sum & 0xFFFFU);
    sum += sum >> 16U;
    Writer(tcp + 16).u16(~sum & 0xFFFFU);
}

std::uint8_t flags_of(Step step) {
    switch (step) {
        case Step::syn: return kSyn;
        case Step::syn_ack: return kSyn | kAck;
        case Step::ack: return kAck;
        case Step::data: return kPsh | kAck;
    }
    return kFin;
}

}  // namespace

void Crafted::resize(std::uint32_t flows) {
    const std::uint32_t before = this->flows();
    sent_.resize(flows);
    for (std::uint32_t i = before; i < flows; ++i)
        sent_[i] = {i * 2654435761U, i * 2246822519U + 1};
}

void Crafted::next(std::uint32_t flow, From from, Step step, std::uint64_t note, Frame& out) {
    const bool opens = step == Step::syn || step == Step::syn_ack;
    const std::uint32_t payload = step == Step::data ? kData : 0;
    const std::uint32_t options = opens ? 8 : 0;
    std::uint32_t& sequence = sent_[flow][static_cast<std::size_t>(from)];
    const std::uint32_t acknowledged =
        step == Step::syn ? 0 : sent_[flow][static_cast<std::size_t>(peer(from))];

    Writer w(out.bytes.data());
    constexpr Mac kOurs{2, 0, 0, 0, 0, 1};
    w.bytes(via_[static_cast<std::size_t>(from)].data(), 6)
        .bytes(kOurs.data(), 6)
        .u16(v6(flow) ? 0x86DD : 0x0800);
    if (v6(flow))
        header6(w, flow, from, 20 + options + payload);
    else
        header4(w, flow, from, 20 + options + payload);
    const unsigned client_port = kFirstClientPort + flow / kAddresses;
    w.u16(from == From::client ? client_port : kServerPort)
        .u16(from == From::client ? kServerPort : client_port);
    w.u32(sequence)
        .u32(acknowledged)
        .u8((5 + options / 4) << 4U)
        .u8(flags_of(step))
        .u16(kWindow)
        .u16(0)
        .u16(0);
    if (opens) w.u32(0x020405B4U).u32(0x01030307U);  // MSS 1460, window scale 7
    if (payload > 0) {
        const std::array<std::uint8_t, kData - sizeof note> rest{};
        w.bytes(&note, sizeof note).bytes(rest.data(), rest.size());
    }
    out.size = w.size();
    const std::uint32_t headers = kEthernet + (v6(flow) ? 40 : 20);
    add_checksum(out.bytes.data() + headers, out.size - headers, v6(flow));
    sequence += payload + (opens ? 1 : 0);
    static_assert(kEthernet + 40 + 28 + kData <= sizeof(Frame::bytes));
}

}  // namespace finwait::bench
