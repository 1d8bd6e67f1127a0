// What becomes of segments whose addresses are not known at once, in a namespace of the test's own.
#include "shard/egress.hpp"

#include "netfilter/process.hpp"
#include "shard/clock.hpp"
#include "support/dialogue.hpp"
#include "support/own_namespace.hpp"

#include <chrono>
#include <cstdint>
#include <sys/syscall.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

namespace finwait::shard {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// What a search finds is dated by the clock itself.
const Instant kNow = monotonic_now();

engine::Send order(std::uint8_t flags) {
    engine::Send send;
    send.segment.source = {*tcp::Address::parse("127.0.0.2"), 1000};
    send.segment.destination = {*tcp::Address::parse("127.0.0.3"), 80};
    send.segment.flags = flags;
    send.flow = {1, 1};
    return send;
}

/// This thread may no longer speak to netfilter.
bool drop_rights() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
    return syscall(SYS_capset, &header, none) == 0;
}

/// An egress that asks conntrack, and an engine that follows nothing yet.
struct Station {
    explicit Station(engine::Options options = {}) : engine(std::move(options)) {
        auto tracked = inject::Injector::open(inject::kOwnGroup);
        auto conntrack = netfilter::Conntrack::open();
        egress.translate(std::get<netfilter::Conntrack>(std::move(conntrack)),
                         std::get<inject::Injector>(std::move(tracked)),
                         [this](const std::string& problem) { complaints.push_back(problem); });
    }

    boost::asio::io_context io;
    engine::Engine engine;
    Egress egress{io, std::get<inject::Injector>(inject::Injector::open(inject::kOwnGroup)), engine};
    std::vector<std::string> complaints;
};

class EgressTest : public testing::Test {
  protected:
    void SetUp() override { FINWAIT_NEEDS_ROOT("opens raw sockets and asks conntrack in a namespace"); }
};

TEST_F(EgressTest, NothingIsSentWhileConntrackDoesNotAnswerAndThatIsToldOnceAMinute) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Station station;
                  ASSERT_TRUE(drop_rights());
                  station.egress.send(kNow, order(tcp::flag::ack));
                  station.egress.send(kNow, order(tcp::flag::rst | tcp::flag::ack));
                  station.egress.flush(kNow);
                  EXPECT_EQ(station.egress.counts().not_sent, 2U);
                  EXPECT_EQ(station.egress.counts().no_entry, 0U);
                  EXPECT_THAT(station.complaints, ElementsAre(HasSubstr("finwaitd needs CAP_NET_ADMIN")));
                  station.egress.send(kNow + std::chrono::minutes(1), order(tcp::flag::ack));
                  station.egress.flush(kNow + std::chrono::minutes(1));
                  EXPECT_EQ(station.complaints.size(), 2U);
              }),
              "");
}

/// Conntrack knows something, so it must be searched for what is not found at once.
bool track_another() {
    return netfilter::run_tool(
               {*netfilter::find_tool("conntrack"), "-I", "-p", "tcp", "--timeout", "100", "--state",
                "ESTABLISHED", "-s", "10.0.0.1", "--sport", "1", "-d", "10.0.0.2", "--dport", "2"},
               "")
        .ok();
}

TEST_F(EgressTest, WhereConntrackKnowsNothingNobodyWaits) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Station station;
                  station.egress.send(kNow, order(tcp::flag::ack));
                  EXPECT_EQ(station.egress.counts().no_entry, 1U);
              }),
              "");
}

TEST_F(EgressTest, AProbeWaitsForTheSearchAndAResetOfAFlowThatHasMovedOnIsGivenUp) {
    EXPECT_EQ(test::in_own_namespace([] {
                  ASSERT_TRUE(track_another());
                  Station station;
                  station.egress.send(kNow, order(tcp::flag::rst | tcp::flag::ack));
                  station.egress.send(kNow, order(tcp::flag::ack));
                  station.egress.flush(kNow);
                  EXPECT_EQ(station.egress.counts().no_entry, 0U);
                  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
                  while (station.egress.counts().no_entry == 0 && std::chrono::steady_clock::now() < end) {
                      station.io.restart();
                      station.io.run_for(std::chrono::milliseconds(20));
                  }
                  EXPECT_EQ(station.egress.counts().no_entry, 1U) << "the probe";
                  EXPECT_EQ(station.egress.counts().not_sent, 1U) << "the reset";
                  station.egress.send(kNow, order(tcp::flag::rst | tcp::flag::ack));
                  EXPECT_EQ(station.egress.counts().no_entry, 2U) << "now that it is known, at once";
                  EXPECT_THAT(station.complaints, testing::IsEmpty());
              }),
              "");
}

/// Half-closed by the client, between the ends of order().
void half_close(engine::Engine& engine, Instant now) {
    const auto pass = [&engine, now](tcp::Segment s, bool by_client) {
        const tcp::Segment ends = order(0).segment;
        s.source = by_client ? ends.source : ends.destination;
        s.destination = by_client ? ends.destination : ends.source;
        static_cast<void>(engine.on_segment(now, s));
    };
    pass(tcp::testing::syn(1000), true);
    pass(tcp::testing::syn_ack(5000, 1001), false);
    pass(tcp::testing::ack(1001, 5001), true);
    pass(tcp::testing::fin(1001, 5001), true);
    pass(tcp::testing::ack(5001, 1002), false);
}

std::vector<engine::Send> due(engine::Engine& engine, Instant now) {
    engine::Actions actions;
    engine.on_tick(now, actions);
    std::vector<engine::Send> sends;
    for (const engine::Action& action : actions)
        if (const auto* send = std::get_if<engine::Send>(&action)) sends.push_back(*send);
    return sends;
}

TEST_F(EgressTest, NobodyIsTakenForSilentWhoseProbesWaitForTheSearch) {
    EXPECT_EQ(test::in_own_namespace([] {
                  ASSERT_TRUE(track_another());
                  policy::Timeouts t;
                  t.fin_wait_2 = std::chrono::seconds(1);
                  t.probe_interval = std::chrono::seconds(1);
                  t.probe_attempts = 3;
                  engine::Options options;
                  options.selective = false;
                  options.tuning.policies = policy::PolicySet({}, t);
                  Station station(options);
                  const Instant begun = monotonic_now();
                  half_close(station.engine, begun);
                  const Instant asked = begun + std::chrono::milliseconds(1100);
                  const auto probes = due(station.engine, asked);
                  ASSERT_EQ(probes.size(), 2U);
                  for (const engine::Send& probe : probes)
                      station.egress.send(asked, probe);
                  station.egress.flush(kNow);
                  for (int second = 1; second < 60; ++second)
                      EXPECT_THAT(due(station.engine, asked + std::chrono::seconds(second)),
                                  testing::IsEmpty());
              }),
              "");
}

/// An established connection of conntrack's from the client of order() by an address of its own to the server
/// of order().
bool track_by_dnat(const char* shown, const char* source) {
    std::vector<std::string> command{*netfilter::find_tool("conntrack"),
                                     "-I",
                                     "-p",
                                     "tcp",
                                     "--timeout",
                                     "100",
                                     "--state",
                                     "ESTABLISHED",
                                     "-s",
                                     "127.0.0.2",
                                     "--sport",
                                     "1000",
                                     "-d",
                                     shown,
                                     "--dport",
                                     "80",
                                     "--dst-nat",
                                     "127.0.0.3:80"};
    if (source != nullptr) command.insert(command.end(), {"--src-nat", source});
    return netfilter::run_tool(command, "").ok();
}

/// Sends a probe of a half-closed flow, of which conntrack finds an entry without a FIN.
void send_half_closed(Station& station) {
    half_close(station.engine, kNow);
    engine::Send probe = order(tcp::flag::ack);
    std::swap(probe.segment.source,
              probe.segment.destination);  // to the client, who knows the server by another name
    std::vector<engine::FlowReport> flows;
    static_cast<void>(station.engine.visit(kNow, 0, 16, policy::Filter(), flows));
    ASSERT_EQ(flows.size(), 1U);
    probe.flow = flows[0].id;
    probe.half_closed = true;
    station.egress.send(kNow, probe);
    station.egress.flush(kNow);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    const shard::EgressCounts& counts = station.egress.counts();
    while (counts.translated + counts.not_sent == 0 && std::chrono::steady_clock::now() < end) {
        station.io.restart();
        station.io.run_for(std::chrono::milliseconds(20));
    }
}

engine::Options following_all() {
    engine::Options options;
    options.selective = false;
    return options;
}

TEST_F(EgressTest, OfTwoConnectionsWithTheSameEndsNeitherIsSentTo) {
    EXPECT_EQ(test::in_own_namespace([] {
                  ASSERT_TRUE(track_by_dnat("127.0.0.8", nullptr));
                  ASSERT_TRUE(track_by_dnat("127.0.0.9", "127.0.0.2:5000"));
                  Station station(following_all());
                  send_half_closed(station);
                  EXPECT_EQ(station.egress.counts().not_sent, 1U);
                  EXPECT_EQ(station.egress.counts().translated, 0U);
                  EXPECT_EQ(station.engine.counters().shared, 1U);
              }),
              "");
}

TEST_F(EgressTest, WhereConntrackHasMissedTheFinAndKnowsOneConnectionThatIsSentTo) {
    EXPECT_EQ(test::in_own_namespace([] {
                  ASSERT_TRUE(track_by_dnat("127.0.0.8", nullptr));
                  Station station(following_all());
                  send_half_closed(station);
                  EXPECT_EQ(station.egress.counts().not_sent, 0U);
                  EXPECT_EQ(station.egress.counts().translated, 1U);
                  EXPECT_EQ(station.engine.counters().shared, 0U);
              }),
              "");
}

TEST_F(EgressTest, AFlowIsSentToOnlyIfItWasHeardSinceRoutingChanged) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Station station;
                  engine::Send send = order(tcp::flag::ack);
                  send.last_seen = kNow;
                  const auto held_back = [&](Instant now) {
                      const std::uint64_t before = station.egress.counts().not_sent;
                      station.egress.send(now, send);
                      station.egress.flush(now);
                      return station.egress.counts().not_sent - before == 1;
                  };
                  EXPECT_FALSE(held_back(kNow));
                  station.egress.distrust(kNow + std::chrono::seconds(1));
                  EXPECT_TRUE(held_back(kNow + std::chrono::seconds(2)));
                  EXPECT_THAT(station.complaints, ElementsAre(HasSubstr("nothing has been heard")));
                  send.last_seen = kNow + std::chrono::seconds(3);
                  EXPECT_FALSE(held_back(kNow + std::chrono::seconds(4)));
                  station.egress.distrust(kNow + std::chrono::seconds(5));
                  station.egress.distrust(Instant::never());
                  EXPECT_FALSE(held_back(kNow + std::chrono::seconds(6)));
              }),
              "");
}

/// To ends for which this machine has no route.
void half_close_unroutable(engine::Engine& engine, Instant now) {
    const tcp::Endpoint client{*tcp::Address::parse("198.51.100.2"), 1000};
    const tcp::Endpoint server{*tcp::Address::parse("203.0.113.3"), 80};
    const auto pass = [&](tcp::Segment s, bool by_client) {
        s.source = by_client ? client : server;
        s.destination = by_client ? server : client;
        static_cast<void>(engine.on_segment(now, s));
    };
    pass(tcp::testing::syn(1000), true);
    pass(tcp::testing::syn_ack(5000, 1001), false);
    pass(tcp::testing::ack(1001, 5001), true);
    pass(tcp::testing::fin(1001, 5001), true);
    pass(tcp::testing::ack(5001, 1002), false);
}

TEST_F(EgressTest, WhatTheKernelDoesNotSendHasAskedNobodyAndEndedNothing) {
    for (const auto on_expiry : {policy::OnExpiry::probe, policy::OnExpiry::reset}) {
        EXPECT_EQ(test::in_own_namespace([on_expiry] {
                      policy::Timeouts t;
                      t.fin_wait_2 = std::chrono::seconds(1);
                      t.probe_interval = std::chrono::seconds(1);
                      t.probe_attempts = 3;
                      t.on_expiry = on_expiry;
                      engine::Options options;
                      options.selective = false;
                      options.tuning.policies = policy::PolicySet({}, t);
                      Station station(options);
                      const Instant begun = monotonic_now();
                      half_close_unroutable(station.engine, begun);
                      for (int tenth = 0; tenth < 1200; ++tenth) {
                          const Instant now = begun + std::chrono::milliseconds(100) * tenth;
                          for (const engine::Send& send : due(station.engine, now))
                              station.egress.send(now, send);
                          station.egress.flush(kNow);
                      }
                      const engine::Counters& counters = station.engine.counters();
                      EXPECT_EQ(counters.probes_sent + counters.resets_sent, 0U);
                      EXPECT_GT(counters.probes_unsent + counters.resets_unsent, 0U);
                      EXPECT_EQ(counters.probes_unsent + counters.resets_unsent,
                                station.egress.counts().refused);
                      EXPECT_EQ(counters.resets_confirmed + counters.resets_unconfirmed, 0U);
                      EXPECT_EQ(counters.answers, decltype(counters.answers){}) << "silent, say";
                      EXPECT_THAT(station.complaints, ElementsAre(HasSubstr("no route")));
                  }),
                  "");
    }
}

TEST_F(EgressTest, NumbersThatAreMadeUpAreNotShownToConntrack) {
    EXPECT_EQ(test::in_own_namespace([] {
                  Station station;
                  engine::Send guess = order(tcp::flag::ack);
                  guess.guessed = true;
                  station.egress.send(kNow, guess);
                  station.egress.flush(kNow);
                  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
                  while (station.egress.counts().not_sent == 0 && std::chrono::steady_clock::now() < end) {
                      station.io.restart();
                      station.io.run_for(std::chrono::milliseconds(20));
                  }
                  EXPECT_EQ(station.egress.counts().not_sent, 1U);
                  EXPECT_EQ(station.egress.counts().no_entry, 0U);
              }),
              "");
}

}  // namespace
}  // namespace finwait::shard
