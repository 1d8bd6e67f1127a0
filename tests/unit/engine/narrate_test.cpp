// Every step of the reaper is told, with its reason.
#include "support/path.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

policy::Timeouts asking() {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(3);
    t.on_expiry = policy::OnExpiry::probe;
    t.probe_interval = seconds(2);
    t.probe_attempts = 3;
    return t;
}

Path half_closed(policy::Timeouts t = asking()) {
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet({}, t);
    Path path(std::move(options));
    path.client_half_closed();
    path.wait(milliseconds(3100));
    return path;
}

/// "tcp_probe_answered client", in order, after the half-close.
std::vector<std::string> told(const Path& path) {
    std::vector<std::string> out;
    for (const Action& action : path.actions) {
        const auto* e = std::get_if<Event>(&action);
        if (e == nullptr || e->type == EventType::half_closed) continue;
        EXPECT_FALSE(e->reason.empty()) << name(e->type);
        out.push_back(std::string(name(e->type)) + (e->side ? " " + std::string(tcp::name(*e->side)) : ""));
    }
    return out;
}

TEST(Narration, AnInquiryThatFindsBothAlive) {
    Path path = half_closed();
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(milliseconds(10));
    EXPECT_THAT(told(path), ElementsAre("tcp_probe", "tcp_probe_answered client", "tcp_probe_answered server",
                                        "tcp_left"));
}

TEST(Narration, ASilentSideIsAskedAgainAndThenBothAreReset) {
    Path path = half_closed();
    path.client(ack(1002, 5001));
    path.wait(seconds(6));
    path.wait(milliseconds(600));
    path.client(rst(1002));
    path.wait(milliseconds(10));
    EXPECT_THAT(told(path),
                ElementsAre("tcp_probe", "tcp_probe_answered client", "tcp_probe_again server",
                            "tcp_probe_again server", "tcp_probe_silent server", "tcp_reset",
                            "tcp_probe_again client", "tcp_probe_answered client", "tcp_reset_confirmed"));
}

TEST(Narration, AChallengeAfterAnRstIsToldAndTheNextRound) {
    policy::Timeouts t = asking();
    t.on_expiry = policy::OnExpiry::reset;
    Path path = half_closed(t);
    path.wait(milliseconds(200));
    path.client(ack(1002, 5001));
    path.wait(milliseconds(1100));
    const auto events = told(path);
    ASSERT_GE(events.size(), 3U);
    EXPECT_EQ(events[0], "tcp_reset");
    EXPECT_EQ(events[1], "tcp_probe_answered client");
    EXPECT_THAT(events, ::testing::Contains("tcp_reset_again"));
}

TEST(Narration, TheTestForAnOrphanIsTold) {
    policy::Timeouts t = asking();
    t.orphan_test = policy::OrphanTest::active;
    Path path = half_closed(t);
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(milliseconds(10));
    EXPECT_EQ(told(path).back(), "tcp_probe_near_miss client");
}

TEST(Narration, ProgressDuringAnInquiryIsToldWithBothStates) {
    Path path = half_closed();
    path.server(data(5001, 1002, 10));
    EXPECT_EQ(told(path).back(), "tcp_revived");
    const auto& last = std::get<Event>(path.actions.back());
    EXPECT_THAT(std::string(last.reason), HasSubstr("progress"));
    EXPECT_EQ(last.states[0], tcp::State::fin_wait_2);
    EXPECT_EQ(last.states[1], tcp::State::close_wait);
}

TEST(Narration, WhatIsTooMuchToBeToldAtOnceIsCounted) {
    constexpr std::uint16_t kFlows = 20'000;
    Options options = all_packets();
    options.max_flows = kFlows;
    Engine engine(std::move(options));
    const Instant now{seconds(1000)};
    const tcp::Endpoint server{*tcp::Address::parse("10.99.2.2"), 80};
    for (std::uint16_t port = 1; port <= kFlows; ++port) {
        const tcp::Endpoint client{*tcp::Address::parse("10.99.1.2"), port};
        const auto say = [&](tcp::Segment segment, const tcp::Endpoint& from, const tcp::Endpoint& to) {
            segment.source = from;
            segment.destination = to;
            EXPECT_EQ(engine.on_segment(now, segment), Verdict::accept);
        };
        say(syn(1000), client, server);
        say(syn_ack(5000, 1001), server, client);
        say(ack(1001, 5001), client, server);
        say(fin(1001, 5001), client, server);
        say(ack(5001, 1002), server, client);
    }
    Actions actions;
    engine.on_tick(now, actions);
    EXPECT_EQ(engine.counters().half_closed, kFlows);
    EXPECT_LT(actions.size(), kFlows);
    EXPECT_EQ(actions.size() + engine.counters().events_lost, kFlows);
}

}  // namespace
}  // namespace finwait::engine::testing
