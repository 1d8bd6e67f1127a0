#include "control/best.hpp"

#include "control/protocol.hpp"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>

namespace finwait::control {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

engine::FlowReport flow(std::uint32_t slot, int idle, std::string_view policy = "default") {
    engine::FlowReport report;
    report.id = {slot, 1};
    report.subject.age = seconds(slot);
    if (idle >= 0) report.subject.idle = seconds(idle);
    report.subject.policy = policy;
    return report;
}

std::vector<std::uint32_t> slots(Best& best) {
    std::vector<std::uint32_t> out;
    for (const engine::FlowReport* kept : best.sorted())
        out.push_back(kept->id.slot);
    return out;
}

TEST(Best, KeepsTheFirstOfAllThatPassBy) {
    std::vector<int> idle(10'000);
    for (std::size_t i = 0; i < idle.size(); ++i)
        idle[i] = static_cast<int>(i);
    std::shuffle(idle.begin(), idle.end(), std::mt19937(7));
    Best longest("idle", true, 3);
    Best shortest("idle", false, 3);
    for (const int value : idle) {
        longest.offer(flow(static_cast<std::uint32_t>(value), value));
        shortest.offer(flow(static_cast<std::uint32_t>(value), value));
    }
    EXPECT_THAT(slots(longest), ElementsAre(9999, 9998, 9997));
    EXPECT_THAT(slots(shortest), ElementsAre(0, 1, 2));
    EXPECT_EQ(longest.offered(), idle.size());
}

TEST(Best, WhatIsNotKnownComesLastInEitherOrder) {
    for (const bool descending : {false, true}) {
        Best best("idle", descending, 10);
        best.offer(flow(1, -1));
        best.offer(flow(2, 5));
        EXPECT_THAT(slots(best), ElementsAre(2, 1));
    }
}

TEST(Best, EqualOnesKeepTheirOrder) {
    for (const bool descending : {false, true}) {
        Best best("idle", descending, 2);
        for (const std::uint32_t slot : {3U, 1U, 2U})
            best.offer(flow(slot, 7));
        EXPECT_THAT(slots(best), ElementsAre(1, 2));
    }
}

TEST(Best, TextsAreComparedAsTextsAndOutliveTheirOwner) {
    Best best("policy", false, 10);
    {
        const std::string names[] = {"web, whose name is longer than what fits anywhere", "a", "default"};
        for (std::uint32_t i = 0; i < 3; ++i)
            best.offer(flow(i, 1, names[i]));
    }
    const auto sorted = best.sorted();
    EXPECT_EQ(sorted[0]->subject.policy, "a");
    EXPECT_EQ(sorted[1]->subject.policy, "default");
    EXPECT_THAT(std::string(sorted[2]->subject.policy), testing::StartsWith("web, whose"));
}

TEST(Best, AddressesAreComparedAsNumbers) {
    Best best("client", false, 10);
    std::uint32_t slot = 0;
    for (const char* address : {"10.0.0.10", "10.0.0.9", "2001:db8::1"}) {
        engine::FlowReport report = flow(slot++, 1);
        report.subject.client = {*tcp::Address::parse(address), 1000};
        best.offer(report);
    }
    EXPECT_THAT(slots(best), ElementsAre(1, 0, 2));
}

TEST(Best, EveryKeyOrdersByWhatItNames) {
    engine::FlowReport low = flow(2, 1, "a");
    low.expires_in = seconds(1);
    low.subject.closer = tcp::Role::client;
    low.subject.client_state = tcp::State::established;
    low.subject.server_state = tcp::State::established;
    engine::FlowReport high = flow(3, 2, "b");
    high.expires_in = seconds(2);
    high.subject.closer = tcp::Role::server;
    high.subject.client_state = tcp::State::close_wait;
    high.subject.server_state = tcp::State::fin_wait_2;
    high.subject.client.port = high.subject.server.port = 1;
    high.subject.phase = flow::Phase::probing;
    for (const std::string_view key : sort_keys()) {
        Best best(key, true, 2);
        best.offer(low);
        best.offer(high);
        EXPECT_THAT(slots(best), ElementsAre(3, 2)) << key;
    }
}

}  // namespace
}  // namespace finwait::control
