// Injected segments as a packet socket sees them on the loopback of a namespace of its own.
#include "inject/support.hpp"
#include "support/own_namespace.hpp"

#include <sys/syscall.h>

namespace finwait::inject::test {
namespace {

class Injection : public testing::Test {
  protected:
    void SetUp() override { FINWAIT_NEEDS_ROOT("opens raw sockets in a namespace of its own"); }
};

TEST_F(Injection, AnIpv4ResetGoesOutAsItWasComposed) {
    EXPECT_EQ(finwait::test::in_own_namespace([] {
                  Tap tap;
                  Injector injector = open_injector(0x66696e77);
                  add(injector, reset("192.0.2.7", "127.0.0.1"));
                  EXPECT_TRUE(tap.packets().empty()) << "not before the flush";
                  injector.flush();
                  EXPECT_EQ(tap.packets(), std::vector<Bytes>{composed(reset("192.0.2.7", "127.0.0.1"))});
                  EXPECT_EQ(injector.sent(), 1U);
                  EXPECT_EQ(injector.failed(), 0U);
              }),
              "");
}

TEST_F(Injection, AnIpv6ResetGoesOutAsItWasComposed) {
    EXPECT_EQ(finwait::test::in_own_namespace([] {
                  Tap tap;
                  Injector injector = open_injector(0x66696e77);
                  add(injector, reset("2001:db8::7", "::1"));
                  injector.flush();
                  EXPECT_EQ(tap.packets(), std::vector<Bytes>{composed(reset("2001:db8::7", "::1"))});
                  EXPECT_EQ(injector.sent(), 1U);
                  EXPECT_EQ(injector.failed(), 0U);
              }),
              "");
}

TEST_F(Injection, AFullBurstIsSentByItself) {
    EXPECT_EQ(finwait::test::in_own_namespace([] {
                  Injector injector = open_injector();
                  for (int i = 0; i < 200; ++i)
                      add(injector, reset("192.0.2.7", "127.0.0.1"));
                  EXPECT_EQ(injector.sent(), 192U);
                  injector.flush();
                  injector.flush();
                  EXPECT_EQ(injector.sent(), 200U);
              }),
              "");
}

TEST_F(Injection, WhatTheKernelRefusesIsCountedAndTheRestIsSent) {
    EXPECT_EQ(finwait::test::in_own_namespace([] {
                  Tap tap;
                  Injector injector = open_injector();
                  add(injector, reset("192.0.2.7", "198.51.100.1"));  // no route
                  add(injector, reset("192.0.2.7", "127.0.0.1"));
                  add(injector, reset("192.0.2.7", "198.51.100.1"));
                  add(injector, reset("2001:db8::7", "2001:db8::8"));
                  add(injector, reset("2001:db8::7", "::1"));
                  injector.flush();
                  EXPECT_EQ(injector.sent(), 2U);
                  EXPECT_EQ(injector.failed(), 3U);
                  EXPECT_EQ(tap.packets().size(), 2U);
              }),
              "");
}

TEST_F(Injection, ASegmentThatPromisesPayloadIsRefused) {
    EXPECT_EQ(finwait::test::in_own_namespace([] {
                  Injector injector = open_injector();
                  tcp::Segment s = reset("192.0.2.7", "127.0.0.1");
                  s.length = 5;
                  add(injector, s);
                  EXPECT_EQ(injector.failed(), 1U);
              }),
              "");
}

TEST_F(Injection, AProcessWithoutTheRightIsToldWhich) {
    EXPECT_EQ(finwait::test::in_own_namespace([] {
                  // Ids belong to the thread: the raw system call leaves the others alone.
                  ASSERT_EQ(syscall(SYS_setresuid, 65534, 65534, 65534), 0);
                  const auto opened = Injector::open(kOwnGroup);
                  const auto* error = std::get_if<InjectError>(&opened);
                  ASSERT_NE(error, nullptr);
                  EXPECT_TRUE(error->not_permitted);
                  EXPECT_NE(error->message.find("CAP_NET_RAW"), std::string::npos);
              }),
              "");
}

}  // namespace
}  // namespace finwait::inject::test
