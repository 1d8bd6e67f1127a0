// Injected segments as a packet socket sees them on the loopback of a namespace of its own.
#include "inject/injector.hpp"

#include "support/own_namespace.hpp"
#include "tcp/compose.hpp"

#include <arpa/inet.h>
#include <sys/syscall.h>
#include <vector>

#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

namespace finwait::inject {
namespace {

using Bytes = std::vector<std::uint8_t>;

tcp::Segment reset(const char* from, const char* to) {
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

Bytes composed(const tcp::Segment& s) {
    tcp::PacketBuffer out;
    const std::size_t n = compose(s, {}, out);
    return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n)};
}

/// Sees what leaves by the loopback device, from the IP header on.
class Tap {
  public:
    Tap() {
        sockaddr_ll lo{};
        lo.sll_family = AF_PACKET;
        lo.sll_protocol = htons(ETH_P_ALL);
        lo.sll_ifindex = static_cast<int>(if_nametoindex("lo"));
        EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&lo), sizeof lo), 0);
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

Injector open_injector(std::uint32_t mark = 0) {
    auto opened = Injector::open(mark);
    if (auto* error = std::get_if<InjectError>(&opened)) throw std::runtime_error(error->message);
    return std::get<Injector>(std::move(opened));
}

class Injection : public testing::Test {
  protected:
    void SetUp() override { FINWAIT_NEEDS_ROOT("opens raw sockets in a namespace of its own"); }
};

TEST_F(Injection, AnIpv4ResetGoesOutAsItWasComposed) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Tap tap;
                  Injector injector = open_injector(0x100);
                  injector.add(reset("192.0.2.7", "127.0.0.1"));
                  EXPECT_TRUE(tap.packets().empty()) << "not before the flush";
                  injector.flush();
                  EXPECT_EQ(tap.packets(), std::vector<Bytes>{composed(reset("192.0.2.7", "127.0.0.1"))});
                  EXPECT_EQ(injector.sent(), 1U);
                  EXPECT_EQ(injector.failed(), 0U);
              }),
              "");
}

TEST_F(Injection, AnIpv6ResetGoesOutAsItWasComposed) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Tap tap;
                  Injector injector = open_injector(0x100);
                  injector.add(reset("2001:db8::7", "::1"));
                  injector.flush();
                  EXPECT_EQ(tap.packets(), std::vector<Bytes>{composed(reset("2001:db8::7", "::1"))});
                  EXPECT_EQ(injector.sent(), 1U);
                  EXPECT_EQ(injector.failed(), 0U);
              }),
              "");
}

TEST_F(Injection, AFullBurstIsSentByItself) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Injector injector = open_injector();
                  for (int i = 0; i < 200; ++i)
                      injector.add(reset("192.0.2.7", "127.0.0.1"));
                  EXPECT_EQ(injector.sent(), 192U);
                  injector.flush();
                  injector.flush();
                  EXPECT_EQ(injector.sent(), 200U);
              }),
              "");
}

TEST_F(Injection, WhatTheKernelRefusesIsCountedAndTheRestIsSent) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Tap tap;
                  Injector injector = open_injector();
                  injector.add(reset("192.0.2.7", "198.51.100.1"));  // no route
                  injector.add(reset("192.0.2.7", "127.0.0.1"));
                  injector.add(reset("192.0.2.7", "198.51.100.1"));
                  injector.add(reset("2001:db8::7", "2001:db8::8"));
                  injector.add(reset("2001:db8::7", "::1"));
                  injector.flush();
                  EXPECT_EQ(injector.sent(), 2U);
                  EXPECT_EQ(injector.failed(), 3U);
                  EXPECT_EQ(tap.packets().size(), 2U);
              }),
              "");
}

TEST_F(Injection, ASegmentThatPromisesPayloadIsRefused) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Injector injector = open_injector();
                  tcp::Segment s = reset("192.0.2.7", "127.0.0.1");
                  s.length = 5;
                  injector.add(s);
                  EXPECT_EQ(injector.failed(), 1U);
              }),
              "");
}

TEST_F(Injection, AProcessWithoutTheRightIsToldWhich) {
    EXPECT_EQ(test::in_own_namespace([] {
                  // Ids belong to the thread: the raw system call leaves the others alone.
                  ASSERT_EQ(syscall(SYS_setresuid, 65534, 65534, 65534), 0);
                  const auto opened = Injector::open(0x100);
                  const auto* error = std::get_if<InjectError>(&opened);
                  ASSERT_NE(error, nullptr);
                  EXPECT_TRUE(error->not_permitted);
                  EXPECT_NE(error->message.find("CAP_NET_RAW"), std::string::npos);
              }),
              "");
}

}  // namespace
}  // namespace finwait::inject
