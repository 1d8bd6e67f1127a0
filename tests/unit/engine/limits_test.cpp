// Limits that concern many flows: a source's share, a policy's breaker, a table that fills up.
#include "support/path.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Options idle_after(Duration fin_wait_2, policy::OnExpiry on_expiry = policy::OnExpiry::reset) {
    policy::Timeouts t;
    t.fin_wait_2 = fin_wait_2;
    t.on_expiry = on_expiry;
    Options options = all_packets();
    options.max_flows = 10'000;
    options.tuning.policies = policy::PolicySet({}, t);
    return options;
}

void half_close(Path& path, std::uint16_t first_port, std::uint16_t count) {
    for (std::uint16_t i = 0; i < count; ++i) {
        path.use_port(static_cast<std::uint16_t>(first_port + i));
        path.client_half_closed();
    }
}

TEST(PerSource, TheOldestHalfClosedFlowGoesFirst) {
    Options options = idle_after(seconds(1000));
    options.tuning.half_closed_per_source = 3;
    Path path(options);
    half_close(path, 40'000, 3);
    path.wait(seconds(2));
    EXPECT_THAT(path.resets(), IsEmpty());
    half_close(path, 50'000, 1);
    path.wait(seconds(2));
    ASSERT_THAT(path.resets(), SizeIs(2));
    EXPECT_EQ(path.resets()[0].destination.port, 40'000);
    EXPECT_EQ(path.engine.counters().crowded, 1U);
}

TEST(PerSource, FlowsThatAreNoLongerHalfClosedDoNotCount) {
    Options options = idle_after(seconds(1000));
    options.tuning.half_closed_per_source = 3;
    Path path(options);
    half_close(path, 40'000, 3);
    for (std::uint16_t port = 40'000; port < 40'003; ++port) {
        path.use_port(port);
        path.server(fin(5001, 1002));
        path.client(ack(1002, 5002));
    }
    half_close(path, 50'000, 3);
    path.wait(seconds(2));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(PerSource, AFlowInUseIsResetBetweenTwoSegmentsWhenItsTurnComes) {
    Options options = idle_after(seconds(1000));
    options.tuning.half_closed_per_source = 1;
    Path path(options);
    half_close(path, 40'000, 2);
    path.use_port(40'000);
    path.server(data(5001, 1002, 10));
    path.wait(seconds(1));
    EXPECT_THAT(path.resets(), IsEmpty()) << "never towards data in flight";
    path.client(ack(1002, 5011));
    path.wait(seconds(1));
    ASSERT_THAT(path.resets(), SizeIs(2));
    EXPECT_EQ(path.resets()[0].seq, tcp::Seq(5011));
}

TEST(PerSource, ALimitThatComesWithAReloadCountsWhatIsThere) {
    Options options = idle_after(seconds(1000));
    Path path(options);
    half_close(path, 40'000, 5);
    options.tuning.half_closed_per_source = 2;
    path.engine.tune(path.now, options.tuning);
    path.wait(seconds(2));
    EXPECT_THAT(path.resets(), SizeIs(6));
}

TEST(PerSource, ALimitThatIsLoweredByAReloadIsKeptTooAndCountsNoFlowTwice) {
    Options options = idle_after(seconds(1000));
    options.tuning.half_closed_per_source = 4;
    Path path(options);
    half_close(path, 40'000, 5);
    options.tuning.half_closed_per_source = 2;
    path.engine.tune(path.now, options.tuning);
    path.wait(seconds(2));
    EXPECT_THAT(path.resets(), SizeIs(6));
    EXPECT_EQ(path.engine.counters().crowded, 3U);
}

TEST(BreakerInForce, StopsItsPolicyUntilAnOperatorResumesIt) {
    Options options = idle_after(seconds(3));
    options.tuning.breaker_share = 0.25;
    Path path(options);
    half_close(path, 10'000, 4000);
    path.wait(seconds(4));
    EXPECT_EQ(path.resets().size(), 2 * 1000U);
    EXPECT_TRUE(path.engine.policy_counts()[0].stopped);
    EXPECT_THAT(path.events(), Contains(EventType::stopped).Times(1));
    path.wait(minutes(30));
    EXPECT_EQ(path.resets().size(), 2 * 1000U);
    EXPECT_FALSE(path.engine.resume("web"));
    EXPECT_TRUE(path.engine.resume("default"));
    path.wait(seconds(1));
    EXPECT_THAT(path.resets(), SizeIs(::testing::Gt(2 * 1000U)));
}

TEST(BreakerInForce, DoesNotKeepAnOperatorFromEndingAFlow) {
    Options options = idle_after(seconds(3));
    options.tuning.breaker_share = 0.25;
    Path path(options);
    half_close(path, 10'000, 4000);
    path.wait(seconds(4));
    const std::size_t before = path.resets().size();
    ASSERT_EQ(path.engine.kill(path.now, path.flows("phase watching and state fin-wait-2").front().id),
              KillResult::requested);
    path.wait(seconds(1));
    EXPECT_THAT(path.resets(), SizeIs(before + 2));
}

TEST(BreakerInForce, OutlivesAReload) {
    Options options = idle_after(seconds(3));
    options.tuning.breaker_share = 0.25;
    Path path(options);
    half_close(path, 10'000, 4000);
    path.wait(seconds(4));
    const std::uint64_t ended = path.engine.policy_counts()[0].reset;
    path.engine.tune(path.now, options.tuning);
    EXPECT_TRUE(path.engine.policy_counts()[0].stopped);
    EXPECT_EQ(path.engine.policy_counts()[0].reset, ended);
}

TEST(PressureInForce, ATableThatFillsUpBringsTheDeadlinesOfAllItsFlowsForward) {
    Options options = idle_after(seconds(320));
    options.max_flows = 1000;
    options.tuning.pressure = {0.5, 1.0};
    Path path(options);
    half_close(path, 10'000, 500);
    path.wait(seconds(100));
    EXPECT_THAT(path.resets(), IsEmpty());
    half_close(path, 20'000, 400);
    EXPECT_LE(path.flows("client-port 10000").front().expires_in, Duration(0)) << "a fifth of 320 s is left";
    path.wait(seconds(5));
    EXPECT_THAT(path.resets(), SizeIs(2 * 500));
}

TEST(PressureInForce, TimeoutsAreLongAgainWhenTheTableHasEmptied) {
    Options options = idle_after(seconds(320));
    options.max_flows = 1000;
    options.tuning.pressure = {0.5, 1.0};
    Path path(options);
    half_close(path, 10'000, 900);
    path.wait(seconds(120));
    EXPECT_EQ(path.engine.gauges().flows, 0U);
    half_close(path, 20'000, 1);
    EXPECT_EQ(path.flow().expires_in, Duration(seconds(320)));
}

TEST(PressureInForce, UnfinishedHandshakesDoNotShortenAnybodysTime) {
    Options options = idle_after(seconds(320));
    options.max_flows = 1000;
    options.tuning.pressure = {0.5, 1.0};
    Path path(options);
    half_close(path, 10'000, 100);
    for (std::uint16_t port = 20'000; port < 25'000; ++port) {
        path.use_port(port);
        path.client(syn(1000));
    }
    ASSERT_EQ(path.engine.gauges().flows, 1000U);
    EXPECT_EQ(path.flows("client-port 10000").front().expires_in, Duration(seconds(320)));
    path.wait(seconds(300));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(PressureInForce, AFullTableEndsNoHalfCloseOfWhichBothSidesAnswer) {
    policy::Timeouts t;
    t.fin_wait_2 = t.alive_max = minutes(16);
    Options options = idle_after(seconds(0));
    options.max_flows = 1000;
    options.tuning.policies = policy::PolicySet({}, t);
    options.tuning.pressure = {0.5, 1.03};
    Path path(options);
    half_close(path, 10'000, 1000);
    path.wait(minutes(1) + seconds(1));
    path.use_port(10'000);
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::drop) << "it has been asked before its time";
    EXPECT_EQ(path.server(ack(5001, 1002)), Verdict::drop);
    path.wait(seconds(10));
    EXPECT_THAT(path.resets(), IsEmpty());
}

}  // namespace
}  // namespace finwait::engine::testing
