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

/// What is told, and of which side; empty: of the whole flow.
using Told = std::pair<EventType, std::optional<tcp::Role>>;

Told whole(EventType type) {
    return {type, std::nullopt};
}
Told client(EventType type) {
    return {type, tcp::Role::client};
}
Told server(EventType type) {
    return {type, tcp::Role::server};
}

/// In order, after the half-close.
std::vector<Told> told(const Path& path) {
    std::vector<Told> out;
    for (const Action& action : path.actions) {
        const auto* e = std::get_if<Event>(&action);
        if (e == nullptr || e->type == EventType::half_closed) continue;
        EXPECT_FALSE(e->reason.empty()) << "type " << static_cast<int>(e->type);
        out.emplace_back(e->type, e->side);
    }
    return out;
}

TEST(Narration, AnInquiryThatFindsBothAlive) {
    Path path = half_closed();
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(milliseconds(10));
    EXPECT_THAT(told(path), ElementsAre(whole(EventType::probe), client(EventType::answered),
                                        server(EventType::answered), whole(EventType::left)));
}

TEST(Narration, ASilentSideIsAskedAgainAndThenBothAreReset) {
    Path path = half_closed();
    path.client(ack(1002, 5001));
    path.wait(seconds(6));
    path.wait(milliseconds(600));
    path.client(rst(1002));
    path.wait(milliseconds(10));
    EXPECT_THAT(told(path), ElementsAre(whole(EventType::probe), client(EventType::answered),
                                        server(EventType::asked_again), server(EventType::asked_again),
                                        server(EventType::silent), whole(EventType::reset),
                                        client(EventType::asked_again), client(EventType::answered),
                                        whole(EventType::confirmed)));
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
    EXPECT_EQ(events[0], whole(EventType::reset));
    EXPECT_EQ(events[1], client(EventType::answered));
    EXPECT_THAT(events, ::testing::Contains(whole(EventType::reset_again)));
}

TEST(Narration, TheTestForAnOrphanIsTold) {
    policy::Timeouts t = asking();
    t.orphan_test = policy::OrphanTest::active;
    Path path = half_closed(t);
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(milliseconds(10));
    EXPECT_EQ(told(path).back(), client(EventType::near_miss));
}

TEST(Narration, ProgressDuringAnInquiryIsToldWithBothStates) {
    Path path = half_closed();
    path.server(data(5001, 1002, 10));
    EXPECT_EQ(told(path).back(), whole(EventType::revived));
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
