// Which segments did not leave this machine, and why, in a namespace of the test's own.
#include "inject/support.hpp"
#include "support/own_namespace.hpp"

#include <cstddef>
#include <cstdlib>
#include <utility>

namespace finwait::inject::test {
namespace {

constexpr const char* kDevice = R"(ip -batch - <<'END'
link add slow type veth peer name other
link set slow up
link set other up
addr add 10.1.0.1/24 dev slow
addr add fd01::1/64 dev slow nodad
neigh add 10.1.0.9 lladdr 02:00:00:00:00:01 dev slow
neigh add fd01::9 lladdr 02:00:00:00:00:01 dev slow
END)";

constexpr std::size_t kMany = 150;  // more than two bursts

/// All those that were added, with those that did not leave.
std::vector<Unsent> send_many(Injector& injector, const char* from, const char* to) {
    for (std::size_t i = 0; i < kMany; ++i) {
        tcp::Segment segment = reset(from, to);
        segment.seq = tcp::Seq(static_cast<std::uint32_t>(i + 1));
        add(injector, segment);
    }
    injector.flush();
    return injector.take_unsent();
}

class FullQueue : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override { FINWAIT_NEEDS_ROOT("makes a device and its queue in a namespace of its own"); }
};

TEST_P(FullQueue, TellsEverySegmentThatItHasDropped) {
    EXPECT_EQ(finwait::test::in_own_namespace([&] {
                  ASSERT_EQ(std::system(kDevice), 0) << "needs the tool ip";
                  if (std::system(GetParam()) != 0) GTEST_SKIP() << "this kernel has no such queue";
                  for (const auto& [from, to] :
                       {std::pair("192.0.2.7", "10.1.0.9"), std::pair("2001:db8::7", "fd01::9")}) {
                      Injector injector = open_injector();
                      const auto unsent = send_many(injector, from, to);
                      EXPECT_GT(unsent.size(), 100U) << to;
                      EXPECT_EQ(injector.sent() + unsent.size(), kMany) << to;
                      EXPECT_EQ(injector.failed(), unsent.size()) << to;
                      std::uint32_t last = 0;
                      for (const auto& [segment, reason] : unsent) {
                          EXPECT_EQ(reason, Reason::queue_full);
                          EXPECT_GT(segment.seq.value(), last) << "each once";
                          last = segment.seq.value();
                      }
                      EXPECT_TRUE(injector.take_unsent().empty()) << "told once";
                  }
              }),
              "");
}

INSTANTIATE_TEST_SUITE_P(
    OfAnyKind, FullQueue,
    testing::Values("tc qdisc add dev slow root netem delay 100s limit 20",
                    "tc qdisc add dev slow root netem rate 8kbit limit 20",
                    "tc qdisc add dev slow root tbf rate 8kbit burst 200 limit 1000",
                    "tc qdisc add dev slow root handle 1: tbf rate 8kbit burst 200 limit 1000 && "
                    "tc qdisc add dev slow parent 1: pfifo limit 20"));

class Refusal : public testing::Test {
  protected:
    void SetUp() override { FINWAIT_NEEDS_ROOT("opens raw sockets in a namespace of its own"); }
};

TEST_F(Refusal, ByARuleInOutputIsTold) {
    EXPECT_EQ(finwait::test::in_own_namespace([] {
                  if (std::system("iptables -A OUTPUT -p tcp --sport 40000 -j DROP && "
                                  "ip6tables -A OUTPUT -p tcp --sport 40000 -j DROP") != 0)
                      GTEST_SKIP() << "needs the tools iptables and ip6tables";
                  for (const auto& [from, to] :
                       {std::pair("192.0.2.7", "127.0.0.1"), std::pair("2001:db8::7", "::1")}) {
                      Injector injector = open_injector();
                      const auto unsent = send_many(injector, from, to);
                      ASSERT_EQ(unsent.size(), kMany) << to;
                      EXPECT_EQ(unsent.front().reason, Reason::refused);
                      EXPECT_EQ(injector.sent(), 0U);
                  }
              }),
              "");
}

TEST_F(Refusal, ForWantOfARouteIsToldByTheNameThatTheSegmentWasAddedWith) {
    EXPECT_EQ(finwait::test::in_own_namespace([] {
                  Injector injector = open_injector();
                  const tcp::Segment segment = reset("192.0.2.7", "198.51.100.1");
                  const tcp::Segment named = reset("10.0.0.7", "198.51.100.1");
                  injector.add(segment, segment.source.address, named);
                  injector.flush();
                  const auto unsent = injector.take_unsent();
                  ASSERT_EQ(unsent.size(), 1U);
                  EXPECT_EQ(unsent[0].segment.text(), named.text());
                  EXPECT_EQ(unsent[0].reason, Reason::refused);
              }),
              "");
}

TEST_F(Refusal, OfASegmentThatCannotBeWrittenIsToldToo) {
    EXPECT_EQ(finwait::test::in_own_namespace([] {
                  Injector injector = open_injector();
                  tcp::Segment segment = reset("192.0.2.7", "127.0.0.1");
                  segment.length = 5;
                  add(injector, segment);
                  injector.flush();
                  const auto unsent = injector.take_unsent();
                  ASSERT_EQ(unsent.size(), 1U);
                  EXPECT_EQ(unsent[0].segment.text(), segment.text());
                  EXPECT_EQ(injector.failed(), 1U);
              }),
              "");
}

}  // namespace
}  // namespace finwait::inject::test
