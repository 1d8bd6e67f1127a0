// What the injector's tests have in common: segments, an injector, and who sees what it sends.
#pragma once

#include "inject/injector.hpp"
#include "tcp/compose.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

namespace finwait::inject::test {

using Bytes = std::vector<std::uint8_t>;

inline tcp::Segment reset(const char* from, const char* to) {
    tcp::Segment s;
    s.source = {tcp::Address::parse(from).value(), 40000};
    s.destination = {tcp::Address::parse(to).value(), 80};
    s.seq = tcp::Seq(0x01020304);
    s.ack = tcp::Seq(0x05060708);
    s.flags = tcp::flag::rst | tcp::flag::ack;
    s.window = 1;
    s.ip_id = s.source.address.is_v4() ? 0x1234 : 0;
    return s;
}

inline Bytes composed(const tcp::Segment& s) {
    tcp::PacketBuffer out;
    const std::size_t n = compose(s, {}, out);
    return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n)};
}

/// Sees what leaves by a device, from the IP header on.
class Tap {
  public:
    explicit Tap(const char* device = "lo") {
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(ETH_P_ALL);
        address.sll_ifindex = static_cast<int>(if_nametoindex(device));
        EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    Tap(const Tap&) = delete;
    Tap& operator=(const Tap&) = delete;
    ~Tap() { close(fd_); }

    /// The TCP packets that were sent from our port since the last call.
    std::vector<Bytes> packets() {
        std::vector<Bytes> all;
        Bytes buffer(2048);
        sockaddr_ll from{};
        socklen_t size = sizeof from;
        ssize_t n = 0;
        while ((n = recvfrom(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT,
                             reinterpret_cast<sockaddr*>(&from), &size)) > 0) {
            const Bytes packet(buffer.begin(), buffer.begin() + n);
            tcp::Segment s;
            const bool ours =
                tcp::parse(packet, packet.size(), s) == tcp::ParseError::none && s.source.port == 40000;
            if (ours && from.sll_pkttype == PACKET_OUTGOING) all.push_back(packet);
        }
        return all;
    }

  private:
    int fd_ = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));
};

inline Injector open_injector(std::uint32_t group = kOwnGroup) {
    auto opened = Injector::open(group);
    if (auto* error = std::get_if<InjectError>(&opened)) throw std::runtime_error(error->message);
    return std::get<Injector>(std::move(opened));
}

inline void add(Injector& injector, const tcp::Segment& segment) {
    injector.add(segment, segment.source.address);
}

}  // namespace finwait::inject::test
