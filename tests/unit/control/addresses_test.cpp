// What the sides of flows take each other to be: asked of the daemon, for those who want to know.
#include "control/daemon.hpp"

namespace finwait::control::test {
namespace {

TEST(Server, TellsWhatSidesSeeWhereItIsAskedForAndAsksEachRequestAnew) {
    Daemon daemon;
    daemon.shard().open_flow(40001, true);
    daemon.shard().open_flow(40002, true);
    int requests = 0;
    daemon.hooks.look_up = [&requests] {
        ++requests;
        return [](const std::vector<engine::FlowReport>& flows) {
            std::vector<Peers> peers;
            for (const engine::FlowReport& flow : flows) {
                const tcp::Endpoint shown{flow.subject.client.address, 7};
                peers.push_back(flow.subject.client.port == 40001 ? Peers(std::array{shown, shown})
                                                                  : Peers());
            }
            return peers;
        };
    };
    daemon.start();
    Peer peer(daemon.path());
    const auto lines = peer.ask({{"command", "list"}, {"addresses", true}});
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[0]["flow"]["client"]["sees"], json::parse(R"({"addr":"10.99.1.2","port":7})"));
    EXPECT_TRUE(lines[1]["flow"]["server"]["sees"].is_null());
    EXPECT_FALSE(peer.ask({{"command", "list"}})[0]["flow"]["client"].contains("sees"));
    EXPECT_EQ(requests, 1);
    EXPECT_EQ(
        peer.ask({{"command", "show"}, {"id", lines[0]["flow"]["id"]}})[0]["flow"]["server"]["sees"]["port"],
        7);
    EXPECT_EQ(requests, 2);
}

}  // namespace
}  // namespace finwait::control::test
