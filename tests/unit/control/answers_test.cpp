// What answers say besides what was asked for: that nothing was done, that there is nothing of that name,
// what is not in force yet.
#include "control/daemon.hpp"

namespace finwait::control::test {
namespace {

TEST(Answers, AReloadTellsWhatIsNotInForceYet) {
    Daemon daemon;
    daemon.hooks.reload = [](const Requester&) { return std::vector<std::string>(); };
    daemon.hooks.reload_notes = [] { return std::vector<std::string>{"[intercept] has changed", "a \"b\""}; };
    daemon.start();
    EXPECT_EQ(Peer(daemon.path()).ask({{"command", "reload"}})[0]["done"]["notes"],
              (json{"[intercept] has changed", "a \"b\""}));
}

TEST(Answers, APolicyThatWasNotStoppedIsNotToldToHaveGoneOn) {
    Daemon daemon;
    int told = 0;
    daemon.hooks.resumed = [&told](const Requester&, const std::string&) { ++told; };
    daemon.start();
    Peer(daemon.path()).ask({{"command", "policy"}, {"resume", "default"}});
    daemon.stop();
    EXPECT_EQ(told, 0);
}

TEST(Answers, AFilterForAPolicyThatThereIsNotIsAnErrorAtItsName) {
    Daemon daemon;
    daemon.shard().open_flow(40001, false);
    daemon.hooks.policies = [] { return std::vector<std::string>{"web", "default"}; };
    daemon.start();
    Peer peer(daemon.path());
    for (const char* command : {"list", "count", "kill"}) {
        const json error =
            peer.ask({{"command", command}, {"filter", "port 80 or not policy wbe"}})[0]["error"];
        EXPECT_EQ(error["code"], "filter") << command;
        EXPECT_EQ(error["column"], 23) << command;
        EXPECT_EQ(error["message"],
                  "there is no policy \"wbe\"; there are: web, default; did you mean \"web\"?")
            << command;
    }
    EXPECT_EQ(peer.ask({{"command", "count"}, {"filter", "policy default"}}).back()["done"]["count"], 1);
    EXPECT_EQ(peer.ask({{"command", "count"}, {"filter", "policy web"}}).back()["done"]["count"], 0);
}

TEST(Answers, CountsTheFlowsThatAreNamed) {
    Daemon daemon;
    daemon.shard().open_flow(40001, false);
    daemon.shard().open_flow(40002, false);
    daemon.start();
    Peer peer(daemon.path());
    const json id = peer.ask({{"command", "list"}})[0]["flow"]["id"];
    EXPECT_EQ(peer.ask({{"command", "count"}, {"ids", {id, "ff-9"}}}).back()["done"]["count"], 1);
}

TEST(Answers, AListingHasTheNumbersOfBothSidesWhereTheyAreWanted) {
    Daemon daemon;
    daemon.shard().open_flow(40001, true);
    daemon.start();
    Peer peer(daemon.path());
    EXPECT_FALSE(peer.ask({{"command", "list"}})[0]["flow"].contains("sides"));
    const json flow = peer.ask({{"command", "list"}, {"sides", true}})[0]["flow"];
    EXPECT_EQ(flow["sides"]["client"]["next"], 1002);
    EXPECT_FALSE(flow["client"].contains("sees"));
}

TEST(Answers, TheConfigurationInForceIsTheDaemons) {
    Daemon daemon;
    daemon.start();
    EXPECT_EQ(Peer(daemon.path()).ask({{"command", "config"}})[0]["error"]["code"], "failed");
    Daemon other;
    other.hooks.config = [] { return ConfigText{"/etc/f.toml", "mode = \"observe\"\n"}; };
    other.start();
    const json config = Peer(other.path()).ask({{"command", "config"}})[0]["config"];
    EXPECT_EQ(config["file"], "/etc/f.toml");
    EXPECT_EQ(config["text"], "mode = \"observe\"\n");
}

}  // namespace
}  // namespace finwait::control::test
