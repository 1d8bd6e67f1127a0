#include "core_flows.hpp"

#include "tcp/compose.hpp"

#include <cassert>

namespace finwait::bench {
namespace {

constexpr std::uint32_t kPorts = 50'000;  // of each client
constexpr std::uint16_t kFirstPort = 10'000;
constexpr std::uint32_t kPayload = 40;  // what the buffer holds beside IPv6 and TCP headers

tcp::Address address(bool v6, std::uint8_t side, std::uint32_t host) {
    const auto at = [&](unsigned shift) { return static_cast<std::uint8_t>(host >> shift); };
    if (!v6) return tcp::Address::v4(std::array<std::uint8_t, 4>{10, side, at(8), at(0)});
    return tcp::Address::v6(
        std::array<std::uint8_t, 16>{0xFD, side, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, at(8), at(0)});
}

}  // namespace

std::string_view name(Kind kind) {
    return kind == Kind::v4 ? "IPv4" : kind == Kind::v6 ? "IPv6" : "mixed";
}

std::string_view name(Order order) {
    return order == Order::sequential ? "sequential" : "random";
}

Flows::Flows(std::uint32_t count, Kind kind) : kind_(kind), sent_(count) {
    for (std::uint32_t i = 0; i < count; ++i)
        sent_[i] = {i * 2654435761U, i * 2246822519U + 1};
}

tcp::Segment Flows::segment(std::uint32_t i, std::size_t from) const {
    const bool v6 = kind_ == Kind::v6 || (kind_ == Kind::mixed && i % 2 == 1);
    const tcp::Endpoint client{address(v6, 98, 1 + i / kPorts),
                               static_cast<std::uint16_t>(kFirstPort + i % kPorts)};
    const tcp::Endpoint server{address(v6, 97, 1), 443};
    tcp::Segment s;
    s.source = from == 0 ? client : server;
    s.destination = from == 0 ? server : client;
    s.seq = tcp::Seq(sent_[i][from]);
    s.ack = tcp::Seq(sent_[i][1 - from]);
    s.window = 8192;
    s.flags = tcp::flag::ack;
    return s;
}

tcp::Segment Flows::handshake(std::uint32_t i, unsigned step) {
    const std::size_t from = step == 1 ? 1 : 0;
    tcp::Segment s = segment(i, from);
    if (step < 2) {
        s.flags = step == 0 ? tcp::flag::syn : tcp::flag::syn | tcp::flag::ack;
        s.options = tcp::option::mss | tcp::option::window_scale;
        s.mss = 1460;
        s.scale = 7;
        ++sent_[i][from];
    }
    return s;
}

std::uint32_t Flows::pick(Order order) {
    if (order == Order::sequential) return at_ = at_ + 1 < count() ? at_ + 1 : 0;
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 7U;
    random_ ^= random_ << 17U;
    return static_cast<std::uint32_t>((random_ >> 32U) * count() >> 32U);
}

std::span<const Flows::Packet> Flows::burst(Order order) {
    static constexpr std::array<std::uint8_t, kPayload> kData{};
    turn_ = 1 - turn_;
    for (std::size_t k = 0; k < kBurst; ++k) {
        const std::uint32_t i = members_[k] = pick(order);
        tcp::Segment s = segment(i, turn_);
        s.flags |= tcp::flag::psh;
        s.length = kPayload;
        sent_[i][turn_] += kPayload;
        const std::size_t size = tcp::compose(s, kData, bytes_[k]);
        assert(size > 0);
        packets_[k] = {bytes_[k].data(), size};
    }
    return packets_;
}

}  // namespace finwait::bench
