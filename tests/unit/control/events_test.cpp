// The command "events", through a real socket.
#include "control/daemon.hpp"

#include <gmock/gmock.h>

namespace finwait::control::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

/// Notes an event on the shard's own thread.
void tell(Shard& shard, engine::EventType type, std::uint16_t client_port = 40001, std::size_t times = 1) {
    boost::asio::post(shard.loop().io(), [&shard, type, client_port, times] {
        engine::Event event;
        event.type = type;
        event.client.port = client_port;
        event.closer = tcp::Role::client;
        event.reason = "for a test";
        for (std::size_t i = 0; i < times; ++i)
            shard.told.note(kNow, event, "default");
    });
}

std::vector<std::string> types(const std::vector<json>& lines) {
    std::vector<std::string> out;
    for (const json& line : lines)
        if (line.contains("event")) out.push_back(line["event"]["event_type"]);
    return out;
}

TEST(Events, WhatHasHappenedInAnyShardIsToldOnceAndTheAnswerEnds) {
    Daemon daemon(2);
    observe::Feed own;
    own.note(kNow, "config_reload", R"({"event_type":"config_reload"})");
    daemon.hooks.feed = &own;
    daemon.start();
    tell(daemon.shard(0), engine::EventType::half_closed);
    tell(daemon.shard(1), engine::EventType::reset);
    const auto lines = Peer(daemon.path()).ask({{"command", "events"}});
    EXPECT_THAT(types(lines), testing::UnorderedElementsAre("tcp_half_closed", "tcp_reset", "config_reload"));
    EXPECT_EQ(lines.back(), json::parse(R"({"done":{}})"));
}

TEST(Events, TypesAndAFilterChoose) {
    Daemon daemon;
    observe::Feed own;
    own.note(kNow, "config_reload", R"({"event_type":"config_reload"})");
    daemon.hooks.feed = &own;
    daemon.start();
    tell(daemon.shard(), engine::EventType::half_closed);
    tell(daemon.shard(), engine::EventType::probe, 40001);
    tell(daemon.shard(), engine::EventType::probe, 40002);
    Peer peer(daemon.path());
    EXPECT_THAT(types(peer.ask({{"command", "events"}, {"types", {"tcp_half_closed", "config_reload"}}})),
                testing::UnorderedElementsAre("tcp_half_closed", "config_reload"));
    const auto lines = peer.ask({{"command", "events"}, {"filter", "client-port 40002 and closer client"}});
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0]["event"]["src_port"], 40002);
}

TEST(Events, IdsChooseTheFlowsAndWhatWasAskedForThem) {
    Daemon daemon;
    observe::Feed own;
    own.note(kNow, "tcp_reset", R"({"event_type":"tcp_reset","flow_id":"0-7"})", engine::FlowId{0, 7});
    own.note(kNow, "tcp_reset", R"({"event_type":"tcp_reset","flow_id":"0-8"})", engine::FlowId{0, 8});
    own.note(kNow, "config_reload", R"({"event_type":"config_reload"})");
    daemon.hooks.feed = &own;
    daemon.start();
    tell(daemon.shard(), engine::EventType::probe);  // of flow 0-0
    Peer peer(daemon.path());
    EXPECT_THAT(types(peer.ask({{"command", "events"}, {"ids", {"0-7"}}})),
                testing::ElementsAre("tcp_reset"));
    EXPECT_THAT(types(peer.ask({{"command", "events"}, {"ids", {"0-0", "0-9"}}})),
                testing::ElementsAre("tcp_probe"));
    const json wrong = peer.ask({{"command", "events"}, {"ids", {"nonsense"}}})[0]["error"];
    EXPECT_EQ(wrong["code"], "filter");
}

TEST(Events, AFilterMayNameAPolicyThatWasInForceOnceAndNoOther) {
    Daemon daemon;
    daemon.hooks.policies = [] { return std::vector<std::string>{"web", "default"}; };
    daemon.hooks.past_policies = [] { return std::vector<std::string>{"old"}; };
    daemon.start();
    Peer peer(daemon.path());
    for (const char* name : {"web", "old"})
        EXPECT_TRUE(
            peer.ask({{"command", "events"}, {"filter", std::string("policy ") + name}})[0].contains("done"));
    const json error = peer.ask({{"command", "events"}, {"filter", "policy nosuch"}})[0]["error"];
    EXPECT_EQ(error["code"], "filter");
    EXPECT_EQ(error["message"], "there is no policy \"nosuch\"; there are: web, default");
}

TEST(Events, AFollowerIsToldThatTheDaemonStops) {
    Daemon daemon;
    daemon.options.event_interval = milliseconds(5);
    daemon.start();
    tell(daemon.shard(), engine::EventType::half_closed);
    Peer peer(daemon.path());
    peer.send("{\"command\":\"events\",\"follow\":true}\n");
    EXPECT_THAT(peer.line().value(), HasSubstr("tcp_half_closed"));
    tell(daemon.shard(), engine::EventType::probe);
    EXPECT_THAT(peer.line().value(), HasSubstr("tcp_probe")) << "it follows";
    std::this_thread::sleep_for(milliseconds(100));  // by then the line is written, for the server, too
    daemon.stop();
    EXPECT_EQ(peer.line().value(), R"({"done":{"stopped":true}})");
    EXPECT_FALSE(peer.line());
}

TEST(Events, WhoOnlyWaitsWithoutFollowingIsToldNothingAtAStop) {
    Daemon daemon;
    daemon.start();
    Peer peer(daemon.path());
    EXPECT_EQ(peer.ask({{"command", "ping"}}).size(), 1U);
    daemon.stop();
    EXPECT_FALSE(peer.line());
}

TEST(Events, AnUnknownTypeAndAFilterOnThePhaseAreErrors) {
    Daemon daemon;
    daemon.start();
    Peer peer(daemon.path());
    const json type = peer.ask({{"command", "events"}, {"types", {"tcp_rest"}}})[0]["error"];
    EXPECT_EQ(type["code"], "filter");
    EXPECT_THAT(type["message"], HasSubstr("tcp_reset"));
    const json phase = peer.ask({{"command", "events"}, {"filter", "port 1 and phase probing"}})[0]["error"];
    EXPECT_EQ(phase["code"], "filter");
    EXPECT_EQ(phase["column"], 12);
}

TEST(Events, AFollowerIsToldWhatGoesOnHappening) {
    Daemon daemon;
    daemon.options.event_interval = milliseconds(5);
    daemon.start();
    tell(daemon.shard(), engine::EventType::half_closed);
    Peer peer(daemon.path());
    peer.send("{\"command\":\"events\",\"follow\":true}\n");
    EXPECT_THAT(peer.line().value(), HasSubstr("tcp_half_closed"));
    tell(daemon.shard(), engine::EventType::probe);
    EXPECT_THAT(peer.line().value(), HasSubstr("tcp_probe"));
    tell(daemon.shard(), engine::EventType::reset);
    EXPECT_THAT(peer.line().value(), HasSubstr("tcp_reset"));
}

TEST(Events, AFollowerMayLeaveOutWhatWasBefore) {
    Daemon daemon;
    daemon.options.event_interval = milliseconds(5);
    daemon.start();
    tell(daemon.shard(), engine::EventType::half_closed);
    Peer peer(daemon.path());
    EXPECT_EQ(peer.ask({{"command", "events"}, {"fresh", true}}).size(), 1U);
    peer.send("{\"command\":\"events\",\"follow\":true,\"fresh\":true}\n");
    std::this_thread::sleep_for(milliseconds(100));  // it has read where the feed ends by then
    tell(daemon.shard(), engine::EventType::reset);
    EXPECT_THAT(peer.line().value(), HasSubstr("tcp_reset"));
}

TEST(Events, WhoReadsTooSlowlyIsToldHowManyAreMissing) {
    Daemon daemon;
    daemon.start();
    tell(daemon.shard(), engine::EventType::probe, 40001, observe::Feed::kCapacity + 17);
    const auto lines = Peer(daemon.path()).ask({{"command", "events"}});
    ASSERT_EQ(lines.size(), observe::Feed::kCapacity + 2);
    EXPECT_EQ(lines[0]["event"]["event_type"], "finwaitd_lost");
    EXPECT_EQ(lines[0]["event"]["finwaitd"]["count"], 17);
}

TEST(Events, AFollowerThatDoesNotReadIsCutOffAndTheShardGoesOn) {
    Daemon daemon;
    daemon.options.event_interval = milliseconds(1);
    daemon.options.write_timeout = milliseconds(100);
    daemon.start();
    Peer deaf(daemon.path());
    deaf.send("{\"command\":\"events\",\"follow\":true}\n");
    for (int i = 0; i < 50; ++i) {
        tell(daemon.shard(), engine::EventType::probe, 40001, 1000);
        std::this_thread::sleep_for(milliseconds(10));
    }
    pollfd poll{deaf.descriptor(), 0, 0};
    EXPECT_EQ(::poll(&poll, 1, 5000), 1);
    EXPECT_NE(poll.revents & POLLHUP, 0);
    EXPECT_EQ(Peer(daemon.path()).ask({{"command", "count"}}).back()["done"]["count"], 0);
}

TEST(Events, FollowersThatHangUpMakeRoomForOthers) {
    Daemon daemon;
    daemon.options.event_interval = milliseconds(5);
    daemon.options.max_followers = 1;
    daemon.start();
    tell(daemon.shard(), engine::EventType::probe);
    {
        Peer first(daemon.path());
        first.send("{\"command\":\"events\",\"follow\":true}\n");
        ASSERT_TRUE(first.line());
        std::this_thread::sleep_for(milliseconds(50));  // by then it follows
        const auto refused = Peer(daemon.path()).ask({{"command", "events"}, {"follow", true}});
        EXPECT_EQ(refused[0]["error"]["code"], "busy");
        EXPECT_EQ(Peer(daemon.path()).ask({{"command", "events"}}).size(), 2U);
    }
    for (int i = 0; i < 100; ++i) {
        Peer next(daemon.path());
        next.send("{\"command\":\"events\",\"follow\":true}\n");
        const auto line = next.line();
        ASSERT_TRUE(line);
        if (line->find("tcp_probe") != std::string::npos) return;
        std::this_thread::sleep_for(milliseconds(20));
    }
    FAIL() << "the place of one who has gone is not given away";
}

}  // namespace
}  // namespace finwait::control::test
