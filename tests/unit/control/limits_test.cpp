// Clients that misbehave, and the limits that end them.
#include "control/daemon.hpp"

#include <gmock/gmock.h>

namespace finwait::control::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

TEST(Limits, NonsenseIsAnsweredAndTheTenthTimeCutOff) {
    Daemon daemon;
    daemon.start();
    Peer peer(daemon.path());
    for (int i = 0; i < 10; ++i) {
        peer.send("nonsense\n");
        const auto lines = peer.answer();
        ASSERT_EQ(lines.size(), 1U) << i;
        EXPECT_EQ(lines[0]["error"]["code"], "command");
    }
    EXPECT_FALSE(peer.line());
}

TEST(Limits, NonsenseDoesNotHarmWhatFollows) {
    Daemon daemon;
    daemon.start();
    Peer peer(daemon.path());
    peer.send("\n\x01\x02{\n{\"command\":\"ping\"}\n");
    EXPECT_TRUE(peer.answer()[0].contains("error"));
    EXPECT_TRUE(peer.answer()[0].contains("error"));
    EXPECT_TRUE(peer.answer()[0].contains("done"));
}

TEST(Limits, HalfALineIsCutOff) {
    Daemon daemon;
    daemon.options.request_timeout = milliseconds(60);
    daemon.start();
    Peer peer(daemon.path());
    peer.send("{\"command\":");
    EXPECT_EQ(peer.answer()[0]["error"]["code"], "timeout");
    EXPECT_FALSE(peer.line());
}

TEST(Limits, ALineThatTricklesInIsCutOffToo) {
    Daemon daemon;
    daemon.options.request_timeout = milliseconds(100);
    daemon.start();
    Peer peer(daemon.path());
    bool taken = true;
    for (int i = 0; i < 100 && taken; ++i) {
        taken = peer.send(" ");
        std::this_thread::sleep_for(milliseconds(10));
    }
    EXPECT_FALSE(taken);
}

TEST(Limits, AnIdleConnectionIsClosed) {
    Daemon daemon;
    daemon.options.idle_timeout = milliseconds(60);
    daemon.start();
    Peer peer(daemon.path());
    EXPECT_EQ(peer.answer()[0]["error"]["code"], "timeout");
    EXPECT_FALSE(peer.line());
}

TEST(Limits, ARequestMayBeAsLongAsTheLimitAndNoLonger) {
    Daemon daemon;
    daemon.start();
    Peer good(daemon.path());
    std::string line = R"({"command":"ping"})";
    line.append(kMaxRequest - line.size(), ' ');
    good.send(line + "\n");
    EXPECT_TRUE(good.answer()[0].contains("done"));

    Peer bad(daemon.path());
    bad.send(line + " ");
    bad.send("\n");
    EXPECT_THAT(bad.answer()[0]["error"]["message"],
                HasSubstr("at most 65536 bytes long: name fewer flows at a time, or use a filter"));
    EXPECT_FALSE(bad.line());
}

TEST(Limits, TheConnectionPastTheLimitIsTurnedAway) {
    Daemon daemon;
    daemon.start();
    std::vector<std::unique_ptr<Peer>> peers;
    for (int i = 0; i < 64; ++i) {
        peers.push_back(std::make_unique<Peer>(daemon.path()));
        ASSERT_TRUE(peers.back()->ask({{"command", "ping"}})[0].contains("done")) << i;
    }
    Peer last(daemon.path());
    EXPECT_EQ(last.answer()[0]["error"]["code"], "busy");
    EXPECT_FALSE(last.line());

    peers.erase(peers.begin());
    bool served = false;
    for (int i = 0; i < 100 && !served; ++i) {
        std::this_thread::sleep_for(milliseconds(10));
        served = Peer(daemon.path()).ask({{"command", "ping"}})[0].contains("done");
    }
    EXPECT_TRUE(served);
}

TEST(Limits, IdleConnectionsOfRootDoNotKeepRootOut) {
    Daemon daemon;
    daemon.options.idle_patience = milliseconds(50);
    daemon.start();
    std::vector<std::unique_ptr<Peer>> peers;
    for (int i = 0; i < 64; ++i) {
        peers.push_back(std::make_unique<Peer>(daemon.path()));
        ASSERT_TRUE(peers.back()->ask({{"command", "ping"}})[0].contains("done")) << i;
    }
    std::this_thread::sleep_for(milliseconds(100));
    ASSERT_TRUE(peers[0]->ask({{"command", "ping"}})[0].contains("done")) << "it is in use";
    EXPECT_TRUE(Peer(daemon.path()).ask({{"command", "ping"}})[0].contains("done"));
    EXPECT_EQ(peers[1]->answer()[0]["error"]["code"], "busy") << "idle for longest";
    EXPECT_FALSE(peers[1]->line());
    EXPECT_TRUE(peers[0]->ask({{"command", "ping"}})[0].contains("done"));
}

TEST(Limits, AReaderThatNeverReadsIsCutOffAndOthersAreServedMeanwhile) {
    Daemon daemon;
    for (std::uint16_t i = 0; i < 4000; ++i)
        daemon.shard().open_flow(static_cast<std::uint16_t>(20000 + i), false);
    daemon.options.write_timeout = milliseconds(200);
    daemon.start();
    Peer stubborn(daemon.path());
    for (int i = 0; i < 4; ++i)
        stubborn.send("{\"command\":\"list\"}\n");
    EXPECT_TRUE(Peer(daemon.path()).ask({{"command", "ping"}})[0].contains("done"));

    // The server's side is closed as soon as sending fails.
    bool cut_off = false;
    for (int i = 0; i < 300 && !cut_off; ++i) {
        std::this_thread::sleep_for(milliseconds(10));
        cut_off = !stubborn.send("\n");
    }
    EXPECT_TRUE(cut_off);
    EXPECT_EQ(Peer(daemon.path()).ask({{"command", "count"}}).back()["done"]["count"], 4000);
}

TEST(Limits, AClientThatGoesInTheMiddleOfAListingLeavesNothingBehind) {
    Daemon daemon;
    for (std::uint16_t i = 0; i < 4000; ++i)
        daemon.shard().open_flow(static_cast<std::uint16_t>(20000 + i), false);
    daemon.options.max_connections = 1;
    daemon.start();
    {
        Peer hasty(daemon.path());
        hasty.send("{\"command\":\"list\"}\n");
        ASSERT_TRUE(hasty.line());
    }
    bool served = false;
    for (int i = 0; i < 300 && !served; ++i) {
        std::this_thread::sleep_for(milliseconds(10));
        served = Peer(daemon.path()).ask({{"command", "ping"}})[0].contains("done");
    }
    EXPECT_TRUE(served);
}

}  // namespace
}  // namespace finwait::control::test
