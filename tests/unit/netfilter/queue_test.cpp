// A real queue in a namespace of its own: datagrams to ourselves over the loopback device, through NFQUEUE at
// OUTPUT.
#include "netfilter/queue.hpp"

#include "netfilter/process.hpp"
#include "netfilter/queue_status.hpp"
#include "support/own_namespace.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <sys/syscall.h>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finwait::netfilter {
namespace {

using testing::HasSubstr;

constexpr std::uint16_t kNumber = 77;

/// Two UDP sockets on the loopback, and the rules that put what goes from one to the other into the queue.
/// Datagrams that come out of the queue with our mark are dropped, so that a test sees which they were.
class Line {
  public:
    Line() {
        const ToolResult r = run_tool({find_tool("iptables-restore").value()}, R"(*mangle
-A OUTPUT -p udp -j NFQUEUE --queue-num 77 --queue-bypass
COMMIT
*filter
-A OUTPUT -p udp -m mark --mark 0x100/0x100 -j DROP
COMMIT
)");
        EXPECT_TRUE(r.ok()) << r.errors;
        sockaddr_in here{};
        here.sin_family = AF_INET;
        here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof here;
        const int large = 8 << 20;
        (void)setsockopt(to_, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof large);
        EXPECT_EQ(bind(to_, reinterpret_cast<sockaddr*>(&here), size), 0);
        EXPECT_EQ(getsockname(to_, reinterpret_cast<sockaddr*>(&here), &size), 0);
        EXPECT_EQ(connect(from_, reinterpret_cast<sockaddr*>(&here), size), 0);
    }
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    ~Line() {
        close(from_);
        close(to_);
    }

    void send(int first, int last, std::size_t size = 4) {
        for (int i = first; i <= last; ++i) {
            std::vector<char> datagram(std::max(size, sizeof i));
            std::memcpy(datagram.data(), &i, sizeof i);
            EXPECT_EQ(::send(from_, datagram.data(), datagram.size(), 0),
                      static_cast<ssize_t>(datagram.size()));
        }
    }
    /// What has arrived, by number.
    std::vector<int> arrived() {
        std::vector<int> numbers;
        int i = 0;
        while (recv(to_, &i, sizeof i, MSG_DONTWAIT) > 0)
            numbers.push_back(i);
        return numbers;
    }

  private:
    int from_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int to_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

Queue open_queue(QueueOptions options = {}) {
    options.number = kNumber;
    options.mark = 0x100;
    auto opened = Queue::open(options);
    if (auto* error = std::get_if<QueueError>(&opened)) throw std::runtime_error(error->message);
    Queue queue = std::get<Queue>(std::move(opened));
    queue.hold();
    return queue;
}

/// Reads and accepts all; how many there were.
std::size_t read_all(Queue& queue) {
    std::size_t seen = 0;
    for (auto burst = queue.receive(); !burst.empty(); burst = queue.receive())
        seen += burst.size();
    return seen;
}

/// What arrives within a time that a loaded machine keeps.
std::vector<int> arrive(Line& line, std::size_t count) {
    std::vector<int> all;
    for (int i = 0; i < 3000 && all.size() < count; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        for (const int number : line.arrived())
            all.push_back(number);
    }
    return all;
}

std::vector<int> numbers(int first, int last) {
    std::vector<int> all;
    for (int i = first; i <= last; ++i)
        all.push_back(i);
    return all;
}

class KernelQueue : public testing::Test {
  protected:
    void SetUp() override {
        FINWAIT_NEEDS_ROOT("binds a queue in a namespace of its own");
        if (!find_tool("iptables-restore")) GTEST_SKIP() << "needs iptables";
    }
};

TEST_F(KernelQueue, AcceptedPacketsArriveInOrder) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Line line;
                  Queue queue = open_queue();
                  line.send(1, 100);
                  EXPECT_TRUE(line.arrived().empty());
                  std::size_t seen = 0;
                  for (auto burst = queue.receive(); !burst.empty(); burst = queue.receive()) {
                      for (std::size_t i = 0; i < burst.size(); ++i) {
                          EXPECT_EQ(burst[i].id, ++seen);
                          EXPECT_EQ(burst[i].wire_length, 32U);
                          EXPECT_EQ(burst[i].payload.size(), 32U);
                          EXPECT_EQ(burst[i].payload[0], 0x45);
                          queue.dispose(i, Disposition::accept);
                      }
                      queue.flush();
                  }
                  EXPECT_EQ(seen, 100U);
                  EXPECT_EQ(line.arrived(), numbers(1, 100));
                  EXPECT_EQ(queue.lost(), 0U);
                  EXPECT_EQ(queue.errors(), 0U);
              }),
              "");
}

TEST_F(KernelQueue, OnlyMarkedPacketsCarryTheMark) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Line line;
                  Queue queue = open_queue();
                  line.send(0, 59);
                  const auto burst = queue.receive();
                  ASSERT_EQ(burst.size(), 60U);
                  for (std::size_t i = 0; i < burst.size(); ++i) {
                      const bool mark = i % 7 == 3 || i == 0 || i == 59;
                      queue.dispose(i, mark ? Disposition::mark : Disposition::accept);
                  }
                  queue.flush();
                  std::vector<int> unmarked;
                  for (int i = 1; i < 59; ++i) {
                      if (i % 7 != 3) unmarked.push_back(i);
                  }
                  EXPECT_EQ(line.arrived(), unmarked);
                  EXPECT_TRUE(queue.receive().empty());
                  EXPECT_EQ(queue.errors(), 0U);
              }),
              "");
}

TEST_F(KernelQueue, OnlyTheCopyRangeIsCopiedAndTheLengthIsWhole) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Line line;
                  Queue queue = open_queue({.copy_range = 48});
                  line.send(1, 1, 3000);
                  const auto burst = queue.receive();
                  ASSERT_EQ(burst.size(), 1U);
                  EXPECT_EQ(burst[0].payload.size(), 48U);
                  EXPECT_EQ(burst[0].wire_length, 3028U);
              }),
              "");
}

TEST_F(KernelQueue, PacketsThatNobodyDecidedOnGoTheirWay) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Line line;
                  Queue queue = open_queue();
                  line.send(1, 10);
                  EXPECT_EQ(queue.receive().size(), 10U);
                  queue.dispose(0, Disposition::accept);
                  EXPECT_TRUE(queue.receive().empty());
                  EXPECT_EQ(line.arrived(), numbers(1, 10));
              }),
              "");
}

TEST_F(KernelQueue, ClosingLetsGoWhatIsStillQueued) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Line line;
                  {
                      Queue queue = open_queue();
                      line.send(1, 200);
                      EXPECT_FALSE(queue.receive().empty());
                  }
                  EXPECT_EQ(line.arrived(), numbers(1, 200));
              }),
              "");
}

TEST_F(KernelQueue, WhatOverflowsTheReceiveBufferPassesAndIsCounted) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Line line;
                  Queue queue = open_queue({.max_length = 170});
                  line.send(1, 1000);
                  const std::size_t passed = line.arrived().size();
                  EXPECT_GT(passed, 0U);
                  std::size_t held = 0;
                  for (auto burst = queue.receive(); !burst.empty(); burst = queue.receive())
                      held += burst.size();
                  EXPECT_EQ(held + passed, 1000U);
                  line.send(1001, 1001);
                  EXPECT_EQ(queue.receive().size(), 1U) << "reception goes on after the overflow";
                  EXPECT_EQ(queue.lost(), passed);
              }),
              "");
}

TEST_F(KernelQueue, ALossIsNoticedWithoutALaterPacketAndToldOnce) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Line line;
                  Queue queue = open_queue({.max_length = 170});
                  line.send(1, 1000);
                  const auto passed = static_cast<std::uint32_t>(line.arrived().size());
                  EXPECT_EQ(read_all(queue) + passed, 1000U);
                  EXPECT_EQ(queue.take_unseen(), 0U);
                  EXPECT_EQ(queue.look_for_loss(), passed);
                  EXPECT_EQ(queue.look_for_loss(), 0U);
                  line.send(1001, 1001);
                  const auto burst = queue.receive();
                  ASSERT_EQ(burst.size(), 1U);
                  EXPECT_EQ(burst[0].lost_before, 0U);
                  EXPECT_EQ(queue.lost(), passed);
                  EXPECT_TRUE(queue.receive().empty());

                  (void)line.arrived();
                  line.send(1002, 2001);
                  const auto more = static_cast<std::uint32_t>(line.arrived().size());
                  (void)read_all(queue);
                  line.send(2002, 2002);
                  EXPECT_EQ(queue.receive()[0].lost_before, more) << "by the gap, where that comes first";
                  EXPECT_TRUE(queue.receive().empty());
                  EXPECT_EQ(queue.look_for_loss(), 0U);
              }),
              "");
}

TEST_F(KernelQueue, ANewOneLetsEverythingPassUntilItHolds) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Line line;
                  auto opened = Queue::open({.number = kNumber});
                  Queue& queue = std::get<Queue>(opened);
                  line.send(1, 10);
                  EXPECT_EQ(line.arrived(), numbers(1, 10));
                  EXPECT_TRUE(queue.receive().empty());
                  queue.hold();
                  line.send(11, 20);
                  EXPECT_TRUE(line.arrived().empty());
                  EXPECT_EQ(read_all(queue), 10U);
                  EXPECT_EQ(line.arrived(), numbers(11, 20));
              }),
              "");
}

TEST_F(KernelQueue, LettingPassKeepsWhatIsQueuedForItsVerdict) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Line line;
                  Queue queue = open_queue();
                  line.send(1, 10);
                  queue.let_pass();
                  line.send(11, 20);
                  EXPECT_EQ(line.arrived(), numbers(11, 20));
                  EXPECT_EQ(read_all(queue), 10U);
                  EXPECT_EQ(line.arrived(), numbers(1, 10));
                  EXPECT_EQ(queue.errors(), 0U);
              }),
              "");
}

TEST_F(KernelQueue, LeavingDropsNothingAndGivesTheNumberUpThoughTheSocketStaysOpen) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Line line;
                  Queue first = open_queue();
                  const int kept = dup(first.descriptor());
                  line.send(1, 200);
                  first.leave();
                  EXPECT_EQ(line.arrived(), numbers(1, 200));
                  EXPECT_FALSE(queue_status(kNumber).has_value());
                  const Queue second = open_queue();
                  EXPECT_TRUE(queue_status(kNumber).has_value());
                  close(kept);
              }),
              "");
}

TEST_F(KernelQueue, AGuardLetsPassWhatNobodyReadsAndTheReaderGoesOnAfterwards) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Line line;
                  auto started = QueueGuard::start(0, nullptr);
                  ASSERT_TRUE(std::holds_alternative<std::unique_ptr<QueueGuard>>(started));
                  QueueGuard& guard = *std::get<std::unique_ptr<QueueGuard>>(started);
                  QueuePulse* const pulse = guard.new_pulse();
                  Queue queue = open_queue({.pulse = pulse});
                  guard.watch(pulse, kNumber, queue.descriptor());
                  line.send(1, 10);
                  EXPECT_EQ(arrive(line, 10), numbers(1, 10));
                  line.send(11, 20);
                  EXPECT_EQ(arrive(line, 10), numbers(11, 20)) << "nothing is queued any more";

                  EXPECT_EQ(read_all(queue), 10U) << "what was queued can still be read";
                  EXPECT_EQ(queue.take_unseen(), 1U);
                  EXPECT_EQ(queue.openings(), 1U);
                  line.send(21, 30);
                  EXPECT_TRUE(line.arrived().empty()) << "packets wait again";
                  EXPECT_EQ(read_all(queue), 10U);
                  EXPECT_EQ(line.arrived(), numbers(21, 30));
                  EXPECT_EQ(queue.errors(), 0U);
                  guard.end();
              }),
              "");
}

TEST_F(KernelQueue, AGuardLeavesAReaderAloneThatReads) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Line line;
                  auto started = QueueGuard::start(0, nullptr);
                  ASSERT_TRUE(std::holds_alternative<std::unique_ptr<QueueGuard>>(started));
                  QueueGuard& guard = *std::get<std::unique_ptr<QueueGuard>>(started);
                  QueuePulse* const pulse = guard.new_pulse();
                  Queue queue = open_queue({.pulse = pulse});
                  guard.watch(pulse, kNumber, queue.descriptor());
                  for (int i = 0; i < 300; ++i) {
                      line.send(i, i);  // always one that waits
                      EXPECT_EQ(queue.receive().size(), 1U);
                      std::this_thread::sleep_for(std::chrono::milliseconds(10));
                  }
                  EXPECT_EQ(pulse->state.load(), QueuePulse::State::watched);
                  EXPECT_EQ(queue.openings(), 0U);
              }),
              "");
}

TEST_F(KernelQueue, AGuardThatIsEndedIsNoticed) {
    EXPECT_EQ(test::in_own_namespace([] {
                  auto started = QueueGuard::start(0, nullptr);
                  ASSERT_TRUE(std::holds_alternative<std::unique_ptr<QueueGuard>>(started));
                  QueueGuard& guard = *std::get<std::unique_ptr<QueueGuard>>(started);
                  QueuePulse* const pulse = guard.new_pulse();
                  kill(guard.pid(), SIGKILL);
                  pollfd ended{guard.descriptor(), POLLIN, 0};
                  EXPECT_EQ(poll(&ended, 1, 30'000), 1);
                  pulse->state = QueuePulse::State::opening;
                  guard.note_end();
                  EXPECT_EQ(pulse->state.load(), QueuePulse::State::open) << "the reader puts it right";
              }),
              "");
}

TEST_F(KernelQueue, OneThatIsHeldNamesItsHolder) {
    EXPECT_EQ(test::in_own_namespace([] {
                  const Queue first = open_queue();
                  const auto second = Queue::open({.number = kNumber});
                  const auto* error = std::get_if<QueueError>(&second);
                  ASSERT_NE(error, nullptr);
                  EXPECT_THAT(error->message,
                              HasSubstr("queue 77 is held by another process (netlink port "));
                  EXPECT_THAT(error->message, HasSubstr("pid " + std::to_string(getpid())));
                  EXPECT_THAT(error->message, HasSubstr("choose another intercept.first_queue"));
                  EXPECT_FALSE(error->not_permitted);
              }),
              "");
}

TEST_F(KernelQueue, AClosedOneCanBeOpenedAgain) {
    EXPECT_EQ(test::in_own_namespace([] {
                  { const Queue first = open_queue(); }
                  const Queue second = open_queue();
                  EXPECT_TRUE(queue_status(kNumber).has_value());
              }),
              "");
}

TEST_F(KernelQueue, AProcessWithoutTheRightIsToldWhich) {
    EXPECT_EQ(test::in_own_namespace([] {
                  // Effective ids belong to the thread: the raw system call leaves the others alone.
                  ASSERT_EQ(syscall(SYS_setresuid, 65534, 65534, 65534), 0);
                  const auto opened = Queue::open({.number = kNumber});
                  const auto* error = std::get_if<QueueError>(&opened);
                  ASSERT_NE(error, nullptr);
                  EXPECT_TRUE(error->not_permitted);
                  EXPECT_EQ(error->message, "queue 77: not permitted: finwaitd needs CAP_NET_ADMIN");
              }),
              "");
}

TEST_F(KernelQueue, DropsOfAQueueThatNobodyHoldsAreNone) {
    EXPECT_EQ(test::in_own_namespace([] {
                  EXPECT_FALSE(queue_status(kNumber).has_value());
                  EXPECT_EQ(kernel_drops(kNumber).queue_dropped, 0U);
              }),
              "");
}

}  // namespace
}  // namespace finwait::netfilter
