// How an egress asks for this machine's own sockets, and ends them, in a namespace of the test's own.
#include "shard/clock.hpp"
#include "shard/egress.hpp"
#include "support/own_namespace.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstdint>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/syscall.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

namespace finwait::shard {
namespace {

/// What a socket says is dated by the clock itself.
const Instant kNow = monotonic_now();
constexpr std::uint16_t kOurs = 4711;  // the window by which a segment of ours is known

/// A socket of this machine that is connected to nobody: restored as it would be after a move from another
/// one (TCP_REPAIR), with numbers that the test gives it.
class Restored {
  public:
    static constexpr std::uint32_t kSends = 1000;
    static constexpr std::uint32_t kExpects = 5000;

    Restored() {
        set(TCP_REPAIR, 1);
        set(TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
        set(TCP_QUEUE_SEQ, static_cast<int>(kSends));
        set(TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
        set(TCP_QUEUE_SEQ, static_cast<int>(kExpects));
        const sockaddr_in here = name(local);
        const sockaddr_in there = name(remote);
        EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&here), sizeof here), 0);
        EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&there), sizeof there), 0);
        set(TCP_REPAIR, -1);  // without a window probe
    }
    Restored(const Restored&) = delete;
    Restored& operator=(const Restored&) = delete;
    ~Restored() { close(fd); }

    /// Waits for its end; errno's value, 0 when it lives on.
    int error() const {
        for (int i = 0; i < 100; ++i) {
            int value = 0;
            socklen_t size = sizeof value;
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &size);
            if (value != 0) return value;
            usleep(10'000);
        }
        return 0;
    }

    tcp::Endpoint local{*tcp::Address::parse("127.0.0.1"), 7000};
    tcp::Endpoint remote{*tcp::Address::parse("127.0.0.99"), 7001};

  private:
    static sockaddr_in name(const tcp::Endpoint& end) {
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_port = htons(end.port);
        std::memcpy(&name.sin_addr, end.address.v4_bytes().data(), 4);
        return name;
    }
    void set(int option, int value) const {
        EXPECT_EQ(setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value), 0) << std::strerror(errno);
    }

    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

engine::Send reset(const Restored& socket, bool to_local) {
    engine::Send send;
    send.segment.source = to_local ? socket.remote : socket.local;
    send.segment.destination = to_local ? socket.local : socket.remote;
    send.segment.flags = tcp::flag::rst | tcp::flag::ack;
    send.segment.seq = tcp::Seq(Restored::kExpects);
    send.segment.ack = tcp::Seq(Restored::kSends);
    send.segment.window = kOurs;
    send.flow = {1, 1};
    send.to_local = to_local;
    return send;
}

/// This thread may no longer change the network, nor end sockets.
bool drop_rights() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
    return syscall(SYS_capset, &header, none) == 0;
}

/// Counts our segments on loopback, and none of the kernel's own.
class Tap {
  public:
    Tap() {
        sockaddr_ll lo{};
        lo.sll_family = AF_PACKET;
        lo.sll_protocol = htons(ETH_P_IP);
        lo.sll_ifindex = static_cast<int>(if_nametoindex("lo"));
        EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&lo), sizeof lo), 0);
    }
    Tap(const Tap&) = delete;
    Tap& operator=(const Tap&) = delete;
    ~Tap() { close(fd_); }

    /// Since the last call.
    std::size_t packets() {
        std::size_t count = 0;
        std::array<std::uint8_t, 2048> buffer{};
        sockaddr_ll from{};
        socklen_t size = sizeof from;
        ssize_t n = 0;
        while ((n = recvfrom(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT,
                             reinterpret_cast<sockaddr*>(&from), &size)) > 0) {
            tcp::Segment s;
            const std::span bytes(buffer.data(), static_cast<std::size_t>(n));
            const bool read = tcp::parse(bytes, static_cast<std::uint32_t>(n), s) == tcp::ParseError::none;
            if (read && from.sll_pkttype == PACKET_HOST && s.window == kOurs) ++count;
        }
        return count;
    }

  private:
    int fd_ = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP));
};

struct Station {
    Station() {
        auto sockets = host::Sockets::open();
        egress.know_own_sockets(std::get<host::Sockets>(std::move(sockets)), {});
    }

    [[nodiscard]] std::size_t sent() { return tap.packets(); }

    Tap tap;
    boost::asio::io_context io;
    engine::Engine engine{engine::Options{}};
    Egress egress{io, std::get<inject::Injector>(inject::Injector::open(0)), engine};
};

class OwnSockets : public testing::Test {
  protected:
    void SetUp() override { FINWAIT_NEEDS_ROOT("makes sockets and ends them in a namespace"); }
};

TEST_F(OwnSockets, TheKernelEndsOneAndTellsThePeerSoWeDoNot) {
    EXPECT_EQ(test::in_own_namespace([] {
                  const Restored socket;
                  Station station;
                  station.egress.send(kNow, reset(socket, true));
                  station.egress.send(kNow, reset(socket, false));
                  station.egress.flush(kNow);
                  EXPECT_EQ(socket.error(), ECONNABORTED);
                  EXPECT_EQ(station.egress.counts().ended, 1U);
                  EXPECT_EQ(station.sent(), 0U);
                  station.egress.send(kNow, reset(socket, false));
                  station.egress.flush(kNow);
                  EXPECT_EQ(station.sent(), 1U) << "another time";
              }),
              "");
}

TEST_F(OwnSockets, WhereTheKernelDoesNotAnRstReachesIt) {
    EXPECT_EQ(test::in_own_namespace([] {
                  const Restored socket;
                  Station station;
                  ASSERT_TRUE(drop_rights());
                  station.egress.send(kNow, reset(socket, true));
                  station.egress.send(kNow, reset(socket, false));
                  station.egress.flush(kNow);
                  EXPECT_EQ(socket.error(), ECONNRESET);
                  EXPECT_EQ(station.egress.counts().ended, 0U);
                  EXPECT_EQ(station.sent(), 2U);
              }),
              "");
}

TEST_F(OwnSockets, ThatOneIsNotThereUnderANameThatNatMayHaveChangedProvesNothingBeforeTheReset) {
    EXPECT_EQ(test::in_own_namespace([] {
                  const Restored socket;
                  Station station;
                  engine::Send probe = reset(socket, true);
                  probe.segment.flags = tcp::flag::ack;
                  station.egress.send(kNow, probe);
                  EXPECT_EQ(station.egress.counts().not_sent, 0U) << "it is there";
                  ++probe.segment.source.port;
                  ++probe.flow.slot;
                  station.egress.send(kNow, probe);
                  EXPECT_EQ(station.egress.counts().not_sent, 1U);
                  probe.after_reset = true;
                  station.egress.send(kNow, probe);
                  EXPECT_EQ(station.egress.counts().not_sent, 1U);
                  station.egress.flush(kNow);
                  EXPECT_EQ(station.sent(), 0U);
              }),
              "");
}

TEST_F(OwnSockets, OneThatWasThereWhenItsFlowBecameHalfClosedIsGoneWhenItIsNotThereAnyMore) {
    EXPECT_EQ(test::in_own_namespace([] {
                  auto socket = std::make_unique<Restored>();
                  Station station;
                  engine::Send probe = reset(*socket, true);
                  probe.segment.flags = tcp::flag::ack;
                  engine::Event half_closed;
                  half_closed.id = probe.flow;
                  half_closed.client = socket->remote;
                  half_closed.server = socket->local;
                  station.egress.note_half_closed(kNow, half_closed);
                  station.egress.send(kNow, reset(*socket, true));
                  EXPECT_EQ(socket->error(), ECONNABORTED);
                  socket.reset();
                  station.egress.send(kNow, probe);
                  EXPECT_EQ(station.egress.counts().not_sent, 0U) << "the kernel has said that it is gone";
                  ++probe.flow.slot;
                  station.egress.send(kNow, probe);
                  EXPECT_EQ(station.egress.counts().not_sent, 1U) << "of another flow nothing is known";
              }),
              "");
}

TEST_F(OwnSockets, ForOneThatIsGoneNothingIsSent) {
    EXPECT_EQ(test::in_own_namespace([] {
                  const Restored socket;
                  Station station;
                  for (int i = 0; i < 2; ++i) {
                      station.egress.send(kNow, reset(socket, true));
                      station.egress.flush(kNow);
                  }
                  EXPECT_EQ(station.egress.counts().ended, 1U);
                  EXPECT_EQ(station.sent(), 0U);
              }),
              "");
}

}  // namespace
}  // namespace finwait::shard
