// Limits that concern many flows: a policy's breaker, a table that fills up.
#include "support/crowd.hpp"

#include <string>

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Half-closed flows of as many clients, all by themselves in their /24.
void half_close_of_many(Path& path, int count, const std::string& server = "10.99.2.2") {
    for (int i = 0; i < count; ++i) {
        path.use_hosts("10." + std::to_string(100 + i / 250) + "." + std::to_string(i % 250) + ".1", server);
        path.client_half_closed();
    }
}

TEST(BreakerInForce, StopsItsPolicyUntilAnOperatorResumesIt) {
    Options options = idle_after(seconds(3));
    options.tuning.breaker_share = 0.25;
    Path path(options);
    half_close_of_many(path, 4000);
    path.wait(seconds(4));
    EXPECT_EQ(path.resets().size(), 2 * 1000U);
    EXPECT_TRUE(path.engine.policy_counts()[0].stopped);
    EXPECT_THAT(path.events(), Contains(EventType::stopped).Times(1));
    path.wait(minutes(30));
    EXPECT_EQ(path.resets().size(), 2 * 1000U);
    EXPECT_FALSE(path.engine.resume("web"));
    EXPECT_TRUE(path.engine.resume("default"));
    path.wait(minutes(15));  // until then it has asked, and left each flow for as long
    EXPECT_THAT(path.resets(), SizeIs(::testing::Gt(2 * 1000U)));
}

TEST(BreakerInForce, DoesNotKeepAnOperatorFromEndingAFlow) {
    Options options = idle_after(seconds(3));
    options.tuning.breaker_share = 0.25;
    Path path(options);
    half_close_of_many(path, 4000);
    path.wait(seconds(4));
    const std::size_t before = path.resets().size();
    ASSERT_EQ(path.engine.kill(path.now, path.flows("phase watching and state fin-wait-2").front().id),
              KillResult::requested);
    path.wait(seconds(1));
    EXPECT_THAT(path.resets(), SizeIs(before + 2));
}

/// An open breaker: 4000 clients of as many sources, none of which answers.
Path stopped_by_silence() {
    Options options = idle_after(seconds(3), policy::OnExpiry::probe);
    options.tuning.breaker_share = 0.25;
    Path path(options);
    half_close_of_many(path, 4000);
    path.wait(minutes(2));
    return path;
}

TEST(BreakerInForce, AStoppedPolicyStillEndsWhatASideProvesToBeOver) {
    Path path = stopped_by_silence();
    ASSERT_TRUE(path.engine.policy_counts()[0].stopped);
    path.use_hosts("10.80.0.1", "10.99.2.2");
    path.client_half_closed();
    path.wait(seconds(4));
    path.server(rst(5001));
    path.wait(seconds(20));
    EXPECT_THAT(path.flows("host 10.80.0.1 and phase watching"), IsEmpty());
    EXPECT_EQ(path.engine.counters().answers[static_cast<std::size_t>(Answer::gone)], 1U);
    EXPECT_TRUE(path.engine.policy_counts()[0].stopped);
}

TEST(BreakerInForce, AStoppedPolicyEndsNothingThatIsOnlySilent) {
    Path path = stopped_by_silence();
    const std::uint64_t ended = path.engine.policy_counts()[0].reset;
    path.actions.clear();
    path.wait(minutes(10));
    EXPECT_EQ(path.engine.policy_counts()[0].reset, ended);
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_THAT(path.probes(), IsEmpty()) << "nor is it asked over and over";
    path.wait(minutes(10));
    EXPECT_FALSE(path.probes().empty()) << "but now and then: a side may prove meanwhile that it is over";
    path.actions.clear();
    EXPECT_TRUE(path.engine.resume("default"));
    path.wait(minutes(10));
    EXPECT_FALSE(path.resets().empty());
}

TEST(BreakerInForce, OutlivesAReload) {
    Options options = idle_after(seconds(3));
    options.tuning.breaker_share = 0.25;
    Path path(options);
    half_close_of_many(path, 4000);
    path.wait(seconds(4));
    const std::uint64_t ended = path.engine.policy_counts()[0].reset;
    path.engine.tune(path.now, options.tuning);
    EXPECT_TRUE(path.engine.policy_counts()[0].stopped);
    EXPECT_EQ(path.engine.policy_counts()[0].reset, ended);
}

TEST(BreakerInForce, OneSourceCannotStopAPolicyForOthers) {
    Options options = idle_after(seconds(3));
    options.tuning.breaker_share = 0.25;
    Path path(options);
    half_close(path, 10'000, 4000);
    path.wait(seconds(4));
    EXPECT_EQ(path.resets().size(), 2 * 250U) << "its part of what may end within a minute";
    EXPECT_FALSE(path.engine.policy_counts()[0].stopped);
    EXPECT_GE(path.engine.counters().resets_held_back, 3750U);
    half_close_of_many(path, 1);
    path.wait(seconds(4));
    EXPECT_EQ(path.resets().size(), 2 * 251U);
    path.wait(minutes(2));
    EXPECT_GT(path.resets().size(), 2 * 300U) << "its own go on, its part a minute";
    EXPECT_FALSE(path.engine.policy_counts()[0].stopped);
}

TEST(BreakerInForce, WhatIsProvenToBeOverDoesNotCount) {
    Options options = idle_after(seconds(3), policy::OnExpiry::probe);
    options.tuning.breaker_share = 0.25;
    Path path(options);
    half_close_of_many(path, 1000);
    path.wait(milliseconds(3500));
    for (int i = 0; i < 1000; ++i) {
        path.use_hosts("10." + std::to_string(100 + i / 250) + "." + std::to_string(i % 250) + ".1",
                       "10.99.2.2");
        path.server(rst(5001));
    }
    path.wait(seconds(20));
    EXPECT_FALSE(path.engine.policy_counts()[0].stopped);
    EXPECT_EQ(path.engine.counters().answers[static_cast<std::size_t>(Answer::gone)], 1000U);
    EXPECT_EQ(path.flows("phase watching").size(), 0U);
}

TEST(BreakerInForce, WhatItsAnswersProveToBeOrphanedDoesNotCount) {
    Options options = idle_after(seconds(3), policy::OnExpiry::probe);
    options.tuning.breaker_share = 0.25;
    Path path(options);
    const auto each = [&path](const auto& act) {
        for (int i = 0; i < 1000; ++i) {
            path.use_hosts("10." + std::to_string(100 + i / 250) + "." + std::to_string(i % 250) + ".1",
                           "10.99.2.2");
            act();
        }
    };
    each([&path] {
        path.handshake();
        tcp::Segment counted = fin(1001, 5001);
        counted.ip_id = 78;
        path.client(counted);
        path.server(ack(5001, 1002));
    });
    path.wait(milliseconds(3500));
    for (int answer = 0; answer < 2; ++answer) {
        each([&path] {
            path.client(ack(1002, 5001));  // with IPv4 id 0
            path.server(ack(5001, 1002));
        });
        path.wait(milliseconds(700));
    }
    path.wait(seconds(20));
    EXPECT_FALSE(path.engine.policy_counts()[0].stopped);
    EXPECT_EQ(path.engine.counters().answers[static_cast<std::size_t>(Answer::orphan)], 1000U);
    EXPECT_EQ(path.engine.counters().resets_held_back, 0U);
    EXPECT_EQ(path.flows("phase watching").size(), 0U);
}

TEST(BreakerInForce, SilenceIsTheDoingOfTheSilentSide) {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(3);
    t.probe_interval = seconds(2);
    t.probe_attempts = 3;
    Options options = idle_after(seconds(3));
    options.tuning.policies = policy::PolicySet({}, t);
    options.tuning.breaker_share = 0.25;
    Path path(options);
    half_close_of_many(path, 1000, "10.99.2.2");
    path.wait(milliseconds(3500));
    for (int i = 0; i < 1000; ++i) {
        path.use_hosts("10." + std::to_string(100 + i / 250) + "." + std::to_string(i % 250) + ".1",
                       "10.99.2.2");
        path.client(ack(1002, 5001));
    }
    path.wait(seconds(20));
    EXPECT_EQ(path.engine.counters().resets_sent, 2 * policy::Breaker::kFloor / policy::Breaker::kSourcePart)
        << "the server's part";
    EXPECT_FALSE(path.engine.policy_counts()[0].stopped);
}

TEST(PressureInForce, ATableThatFillsUpBringsTheDeadlinesOfAllItsFlowsForward) {
    Options options = idle_after(seconds(320), policy::OnExpiry::probe);
    options.max_flows = 1000;
    options.tuning.pressure = {0.5, 1.0};
    Path path(options);
    half_close(path, 10'000, 500);
    path.wait(seconds(100));
    EXPECT_THAT(path.probes(), IsEmpty());
    half_close(path, 20'000, 400);
    EXPECT_LE(path.flows("client-port 10000").front().expires_in, Duration(0)) << "a fifth of 320 s is left";
    path.wait(seconds(5));
    EXPECT_THAT(path.probes(), SizeIs(2 * 500));
}

TEST(PressureInForce, AFullTableEndsNothingUnasked) {
    Options options = idle_after(seconds(320), policy::OnExpiry::reset);
    options.max_flows = 1000;
    options.tuning.pressure = {0.5, 1.0};
    Path path(options);
    half_close(path, 10'000, 1000);
    ASSERT_EQ(path.engine.gauges().half_closed, 1000U);
    path.wait(seconds(310));
    EXPECT_THAT(path.resets(), IsEmpty());
    path.wait(seconds(60));
    EXPECT_THAT(path.resets(), SizeIs(2 * 1000));
}

TEST(PressureInForce, TimeoutsAreLongAgainWhenTheTableHasEmptied) {
    Options options = idle_after(seconds(320), policy::OnExpiry::probe);
    options.max_flows = 1000;
    options.tuning.pressure = {0.5, 1.0};
    Path path(options);
    half_close(path, 10'000, 900);
    path.wait(seconds(200));
    EXPECT_EQ(path.engine.gauges().flows, 0U);
    half_close(path, 20'000, 1);
    EXPECT_EQ(path.flow().expires_in, Duration(seconds(320)));
}

TEST(PressureInForce, UnfinishedHandshakesDoNotShortenAnybodysTime) {
    Options options = idle_after(seconds(320), policy::OnExpiry::probe);
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
    EXPECT_THAT(path.probes(), IsEmpty());
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
