// Limits that concern many flows: a source's share, a policy's breaker, a table that fills up.
#include "support/path.hpp"

#include <memory_resource>
#include <new>
#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
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

/// Half-closed flows of as many clients, all by themselves in their /24.
void half_close_of_many(Path& path, int count, const std::string& server = "10.99.2.2") {
    for (int i = 0; i < count; ++i) {
        path.use_hosts("10." + std::to_string(100 + i / 250) + "." + std::to_string(i % 250) + ".1", server);
        path.client_half_closed();
    }
}

void half_close(Path& path, std::uint16_t first_port, std::uint16_t count) {
    for (std::uint16_t i = 0; i < count; ++i) {
        path.use_port(static_cast<std::uint16_t>(first_port + i));
        path.client_half_closed();
    }
}

Options per_source(std::uint32_t limit, policy::OnExpiry on_expiry = policy::OnExpiry::probe) {
    Options options = idle_after(seconds(1000), on_expiry);
    options.tuning.half_closed_per_source = limit;
    return options;
}

/// The client ports of the flows that are being asked.
std::vector<std::uint16_t> asked_ports(const Path& path) {
    std::vector<std::uint16_t> out;
    for (const FlowReport& flow : path.flows("phase probing"))
        out.push_back(flow.subject.client.port);
    return out;
}

TEST(PerSource, TheFlowWithoutProgressForLongestIsAskedBeforeItsTime) {
    Path path(per_source(3));
    half_close(path, 40'000, 3);
    path.wait(seconds(20));
    path.use_port(40'000);
    path.server(data(5001, 1002, 10));
    path.client(ack(1002, 5011));
    EXPECT_THAT(path.probes(), IsEmpty());
    half_close(path, 50'000, 1);
    path.wait(seconds(1));
    EXPECT_THAT(asked_ports(path), ElementsAre(40'001));
    EXPECT_EQ(path.engine.counters().crowded, 1U);
    EXPECT_EQ(path.engine.counters().expired, 0U) << "its time is not up";
}

TEST(PerSource, AFlowOfWhichBothSidesAnswerIsLeftUntilItsTime) {
    Path path(per_source(1));
    half_close(path, 40'000, 2);
    path.wait(seconds(11));
    ASSERT_THAT(asked_ports(path), ElementsAre(40'000));
    path.use_port(40'000);
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::drop);
    EXPECT_EQ(path.server(ack(5001, 1002)), Verdict::drop);
    path.wait(seconds(2));
    EXPECT_THAT(path.events(), Contains(EventType::left));
    path.wait(seconds(900));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_THAT(path.probes(), SizeIs(2));
}

TEST(PerSource, SilenceDoesNotCountBeforeAFlowsOwnTime) {
    Path path(per_source(1));
    half_close(path, 40'000, 2);
    path.wait(seconds(900));
    EXPECT_THAT(path.resets(), IsEmpty());
    path.wait(seconds(300));
    EXPECT_THAT(path.resets(), SizeIs(4)) << "asked at its own time, both flows are silent";
}

TEST(PerSource, WhatIsProvenToBeOverEnds) {
    Path path(per_source(1));
    half_close(path, 40'000, 2);
    path.wait(seconds(11));
    path.use_port(40'000);
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::drop);
    EXPECT_EQ(path.server(rst(5001)), Verdict::accept) << "the closer shall have it";
    path.wait(seconds(1));
    path.client(rst(1002));
    path.wait(seconds(1));
    EXPECT_EQ(path.engine.counters().resets_confirmed, 1U);
}

TEST(PerSource, UnderARateLimitEachFlowIsAskedWhenItsTurnComes) {
    Options options = per_source(1);
    options.tuning.probes_per_second = 4;
    Path path(options);
    half_close(path, 40'000, 20);
    path.wait(seconds(60));
    EXPECT_EQ(path.engine.policy_counts()[0].asked, 19U);
    EXPECT_EQ(path.engine.counters().expired, 0U) << "before its time";
}

TEST(PerSource, NothingIsEndedUnaskedWhateverThePolicy) {
    Path path(per_source(3, policy::OnExpiry::reset));
    half_close(path, 40'000, 8);
    path.wait(seconds(900));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_THAT(path.probes(), SizeIs(::testing::Ge(10U)));
}

TEST(PerSource, WhoOnlyObservesAsksNobody) {
    Path path(per_source(3, policy::OnExpiry::observe));
    half_close(path, 40'000, 8);
    path.wait(seconds(900));
    EXPECT_THAT(path.sends(), IsEmpty());
    EXPECT_THAT(path.events(), Not(Contains(EventType::would_reset)));
}

TEST(PerSource, FlowsThatAreNoLongerHalfClosedDoNotCount) {
    Path path(per_source(3));
    half_close(path, 40'000, 3);
    for (std::uint16_t port = 40'000; port < 40'003; ++port) {
        path.use_port(port);
        path.server(fin(5001, 1002));
        path.client(ack(1002, 5002));
    }
    half_close(path, 50'000, 3);
    path.wait(seconds(60));
    EXPECT_THAT(path.probes(), IsEmpty());
}

TEST(PerSource, AFlowInUseIsNotAsked) {
    Path path(per_source(1));
    half_close(path, 40'000, 2);
    path.use_port(40'000);
    std::uint32_t next = 5001;
    for (int i = 0; i < 100; ++i) {
        path.server(data(next, 1002, 10));
        next += 10;
        path.client(ack(1002, next));
        path.wait(seconds(2));
    }
    EXPECT_THAT(asked_ports(path), IsEmpty());
    EXPECT_THAT(path.probes(), IsEmpty());
}

TEST(PerSource, AFlowCountsForTheSideThatHasClosed) {
    Path path(per_source(10));
    half_close(path, 40'000, 1);  // the client waits for what the server has to say
    for (std::uint16_t port = 50'000; port < 50'020; ++port) {
        path.use_port(port);
        path.server_half_closed();
    }
    EXPECT_EQ(path.engine.counters().crowded, 10U);
    path.wait(seconds(11));
    EXPECT_THAT(asked_ports(path), SizeIs(10));
    EXPECT_THAT(asked_ports(path), Not(Contains(40'000)));
}

TEST(PerSource, APeerThatNeverClosesUsesUpItsOwnShareOnly) {
    Path path(per_source(10));
    half_close(path, 40'000, 2);
    path.use_hosts("10.99.1.2", "10.99.2.3");
    half_close(path, 50'000, 100);
    path.use_hosts("10.99.1.2", "10.99.2.2");
    half_close(path, 60'000, 2);
    path.wait(seconds(20));
    EXPECT_GE(path.engine.counters().crowded, 90U);
    EXPECT_THAT(path.flows("phase probing and server 10.99.2.2"), IsEmpty());
}

TEST(PerSource, OtherClientsOfAServerAreNotAskedForOneThatNeverCloses) {
    Path path(per_source(10));
    path.server_half_closed();
    path.use_hosts("10.99.1.3", "10.99.2.2");
    for (std::uint16_t port = 50'000; port < 50'100; ++port) {
        path.use_port(port);
        path.server_half_closed();
    }
    path.wait(seconds(20));
    EXPECT_GE(path.engine.counters().crowded, 90U);
    EXPECT_THAT(path.flows("phase probing and client 10.99.1.2"), IsEmpty());
}

TEST(PerSource, TheAddressesOfAnIPv6HostAreOneSource) {
    Path path(per_source(10));
    for (int i = 0; i < 100; ++i) {
        path.use_hosts("2001:db8:1::" + std::to_string(i + 1), "2001:db8:2::1");
        path.client_half_closed();
    }
    EXPECT_EQ(path.engine.counters().crowded, 90U);
    path.use_hosts("2001:db8:1:1::1", "2001:db8:2::1");
    path.client_half_closed();
    EXPECT_EQ(path.engine.counters().crowded, 90U) << "another /64";
}

TEST(PerSource, WhichAddressesAreOneSourceIsTheOperatorsToSay) {
    Options options = per_source(10);
    options.tuning.source_prefixes = {24, 128};
    Path path(options);
    for (int i = 0; i < 20; ++i) {
        path.use_hosts("2001:db8:1::" + std::to_string(i + 1), "2001:db8:2::1");
        path.client_half_closed();
    }
    EXPECT_EQ(path.engine.counters().crowded, 0U);
    for (int i = 0; i < 20; ++i) {
        path.use_hosts("10.99.1." + std::to_string(i + 1), "10.99.2.2");
        path.client_half_closed();
    }
    EXPECT_EQ(path.engine.counters().crowded, 10U);
}

TEST(PerSource, ALimitThatComesWithAReloadCountsWhatIsThere) {
    Options options = per_source(0);
    Path path(options);
    half_close(path, 40'000, 5);
    options.tuning.half_closed_per_source = 2;
    path.engine.tune(path.now, options.tuning);
    path.wait(seconds(11));
    EXPECT_THAT(asked_ports(path), ElementsAre(40'000, 40'001, 40'002));
}

TEST(PerSource, ALimitThatIsLoweredByAReloadIsKeptTooAndCountsNoFlowTwice) {
    Options options = per_source(4);
    Path path(options);
    half_close(path, 40'000, 5);
    options.tuning.half_closed_per_source = 2;
    path.engine.tune(path.now, options.tuning);
    path.wait(seconds(11));
    EXPECT_THAT(asked_ports(path), SizeIs(3));
    EXPECT_EQ(path.engine.counters().crowded, 3U);
}

/// Gives what is asked for until it is empty.
class Memory : public std::pmr::memory_resource {
  public:
    bool empty = false;

  private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        if (empty) throw std::bad_alloc();
        return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* from, std::size_t bytes, std::size_t alignment) override {
        std::pmr::new_delete_resource()->deallocate(from, bytes, alignment);
    }
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return this == &other;
    }
};

TEST(PerSource, WithoutMemoryToCountByThereIsNoLimitAndThatIsCounted) {
    Memory memory;
    Options options = per_source(0);
    options.memory = &memory;
    Path path(options);
    half_close(path, 40'000, 5);
    memory.empty = true;
    options.tuning.half_closed_per_source = 2;
    path.engine.tune(path.now, options.tuning);
    half_close(path, 50'000, 5);
    path.wait(seconds(11));
    EXPECT_THAT(path.probes(), IsEmpty());
    EXPECT_EQ(path.engine.counters().memory_refused, 1U);
    memory.empty = false;
    path.engine.tune(path.now, options.tuning);
    path.wait(seconds(1));
    EXPECT_THAT(asked_ports(path), SizeIs(8)) << "the next reload finds memory";
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
    path.wait(seconds(1));
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
