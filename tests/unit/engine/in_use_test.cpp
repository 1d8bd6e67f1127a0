// fin_wait_2_max ends a half-close that is in use, at a moment in which no data is in flight.

#include "support/path.hpp"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Options after(Duration max, policy::OnExpiry on_expiry = policy::OnExpiry::probe) {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(4);
    t.fin_wait_2_max = max;
    t.on_expiry = on_expiry;
    t.probe_interval = seconds(1);
    t.probe_attempts = 3;
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet({}, t);
    return options;
}

/// A byte each `pause`, acknowledged after `delay`, until something is reset or `time` has passed.
std::uint32_t trickle(Path& path, Duration pause, Duration delay, Duration time) {
    std::uint32_t bytes = 0;
    for (const Instant until = path.now + time; path.now < until && path.resets().empty(); ++bytes) {
        path.server(data(5001 + bytes, 1002, 1));
        path.wait(delay);
        EXPECT_THAT(path.resets(), IsEmpty()) << "data is in flight";
        path.client(ack(1002, 5002 + bytes));
        path.wait(pause - delay);
    }
    return bytes;
}

TEST(InUse, ATrickleEndsInItsNextPause) {
    for (const auto on_expiry : {policy::OnExpiry::probe, policy::OnExpiry::reset}) {
        Path path(after(seconds(6), on_expiry));
        path.client_half_closed();
        const std::uint32_t bytes = trickle(path, milliseconds(500), milliseconds(1), seconds(20));
        ASSERT_THAT(path.resets(), SizeIs(2));
        EXPECT_NEAR(bytes, 12, 2);
        EXPECT_EQ(path.resets()[0].seq, tcp::Seq(5001 + bytes)) << "all of it has been acknowledged";
    }
}

TEST(InUse, OneWithoutPausesEndsWhenEverythingIsAcknowledgedForAMoment) {
    Path path(after(seconds(6)));
    path.client_half_closed();
    trickle(path, milliseconds(20), milliseconds(15), seconds(20));
    EXPECT_THAT(path.resets(), SizeIs(2));
}

TEST(InUse, WhileDataIsAlwaysInFlightNothingEnds) {
    Path path(after(seconds(6)));
    path.client_half_closed();
    path.server(data(5001, 1002, 1000));
    for (std::uint32_t i = 0; i < 1000; ++i) {
        path.server(data(6001 + i * 1000, 1002, 1000));
        path.client(ack(1002, 6001 + i * 1000));
        path.wait(milliseconds(20));
    }
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_THAT(path.events(), Not(Contains(EventType::revived))) << "nothing has been done to it";
    path.client(ack(1002, 1'006'001));
    path.wait(milliseconds(10));
    EXPECT_THAT(path.resets(), SizeIs(2));
}

TEST(InUse, OneThatIsIdleWasAskedBeforeAndLivesEndsInTime) {
    Path path(after(seconds(6)));
    path.client_half_closed();
    path.wait(milliseconds(4100));
    ASSERT_THAT(path.probes(), SizeIs(2));
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(milliseconds(2100));
    EXPECT_THAT(path.resets(), SizeIs(2));
}

TEST(InUse, OneThatClosesInTheMeantimeIsLeft) {
    Path path(after(seconds(6)));
    path.client_half_closed();
    path.wait(seconds(3));
    path.server(data(5001, 1002, 10));
    path.wait(seconds(4));
    path.server(fin(5011, 1002));
    path.client(ack(1002, 5012));
    path.wait(seconds(10));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(InUse, AnotherPolicyMayLetItLive) {
    Path path(after(seconds(6)));
    path.client_half_closed();
    path.wait(seconds(3));
    path.server(data(5001, 1002, 10));
    path.wait(seconds(4));
    path.engine.tune(path.now, after(policy::kOff).tuning);
    path.client(ack(1002, 5011));
    path.wait(seconds(2));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(InUse, ItKeepsItsPlaceUnderTheRateLimitWhateverPasses) {
    Options options = after(seconds(6), policy::OnExpiry::reset);
    options.tuning.resets_per_second = 1;
    Path path(options);
    for (std::uint16_t i = 0; i < 3; ++i) {
        path.use_port(static_cast<std::uint16_t>(10000 + i));
        path.client_half_closed();
    }
    const auto ended = [&path] {
        std::set<std::uint16_t> ports;
        for (const tcp::Segment& rst : path.resets())
            ports.insert(std::max(rst.source.port, rst.destination.port));
        return ports;
    };
    const auto pass_bytes = [&](std::uint32_t sent) {
        for (std::uint16_t port = 10000; port < 10003; ++port) {
            if (ended().contains(port)) continue;
            path.use_port(port);
            path.server(data(5001 + sent, 1002, 1));
            path.client(ack(1002, 5002 + sent));
        }
        path.wait(milliseconds(500));
    };
    for (std::uint32_t sent = 0; sent < 13; ++sent)
        pass_bytes(sent);
    EXPECT_THAT(ended(), SizeIs(1)) << "one in the first second";
    for (std::uint32_t sent = 13; sent < 19; ++sent)
        pass_bytes(sent);
    EXPECT_THAT(ended(), SizeIs(3));
}

}  // namespace
}  // namespace finwait::engine::testing
