// What each command answers, through a real socket and a real engine.
#include "control/batch.hpp"
#include "control/client.hpp"
#include "control/daemon.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <gmock/gmock.h>

namespace finwait::control::test {
namespace {

using testing::HasSubstr;

TEST(Server, ListsTheFlowsOfEveryShard) {
    Daemon daemon(2);
    daemon.shard(0).open_flow(40001, true);
    daemon.shard(1).open_flow(40002, false);
    daemon.start();
    const auto lines = Peer(daemon.path()).ask({{"command", "list"}});
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[0]["flow"]["client"]["port"], 40001);
    EXPECT_EQ(lines[0]["flow"]["client"]["state"], "fin-wait-2");
    EXPECT_EQ(lines[0]["flow"]["server"]["state"], "close-wait");
    EXPECT_EQ(lines[0]["flow"]["closer"], "client");
    EXPECT_EQ(lines[0]["flow"]["policy"], "default");
    EXPECT_EQ(lines[0]["flow"]["age_s"], 10.0);
    EXPECT_EQ(lines[1]["flow"]["client"]["port"], 40002);
    EXPECT_TRUE(lines[1]["flow"]["closer"].is_null());
    EXPECT_EQ(lines[2], json::parse(R"({"done":{}})"));
}

TEST(Server, ListsManyFlowsInBatchesAndEachOnce) {
    Daemon daemon;
    constexpr std::uint16_t flows = 3000;
    for (std::uint16_t i = 0; i < flows; ++i)
        daemon.shard().open_flow(static_cast<std::uint16_t>(20000 + i), false);
    daemon.options.batch_slots = 64;
    daemon.start();
    const auto lines = Peer(daemon.path()).ask({{"command", "list"}});
    ASSERT_EQ(lines.size(), flows + 1U);
    std::set<int> ports;
    for (std::size_t i = 0; i < flows; ++i)
        ports.insert(lines[i]["flow"]["client"]["port"].get<int>());
    EXPECT_EQ(ports.size(), flows);
}

TEST(Server, ListsTheFirstSoManyOfAllShardsByAnOrder) {
    Daemon daemon(2);
    for (std::uint16_t i = 1; i <= 9; ++i)
        daemon.shard(i % 2).open_flow(static_cast<std::uint16_t>(40000 + i), i > 2, std::chrono::seconds(i));
    daemon.start();
    Peer peer(daemon.path());
    const auto lines = peer.ask({{"command", "list"},
                                 {"filter", "state fin-wait-2"},
                                 {"sort", "idle"},
                                 {"descending", true},
                                 {"limit", 3}});
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_EQ(lines[0]["flow"]["client"]["port"], 40009);
    EXPECT_EQ(lines[1]["flow"]["client"]["port"], 40008);
    EXPECT_EQ(lines[2]["flow"]["policy"], "default");
    EXPECT_EQ(lines[3]["done"]["matched"], 7);
    EXPECT_EQ(peer.ask({{"command", "list"}, {"sort", "idle"}, {"limit", 100}}).size(), 10U);
}

TEST(Server, CountsWhatAFilterMatches) {
    Daemon daemon;
    daemon.shard().open_flow(40001, true);
    daemon.shard().open_flow(40002, false);
    daemon.start();
    Peer peer(daemon.path());
    EXPECT_EQ(peer.ask({{"command", "count"}}).back()["done"]["count"], 2);
    EXPECT_EQ(peer.ask({{"command", "count"}, {"filter", "client-port 40001"}}).back()["done"]["count"], 1);
    EXPECT_EQ(peer.ask({{"command", "count"}, {"filter", "port 81"}}).back()["done"]["count"], 0);
}

/// {value: flows} of "count" by one word, and nothing in the answer but that.
std::map<json, int> groups(Peer& peer, const char* by, const char* filter = "") {
    const auto lines = peer.ask({{"command", "count"}, {"by", by}, {"filter", filter}});
    std::map<json, int> found;
    for (std::size_t i = 0; i + 1 < lines.size(); ++i)
        found[lines[i]["group"][by]] = lines[i]["group"]["count"];
    EXPECT_EQ(found.size() + 1, lines.size());
    return found;
}

TEST(Server, CountsByGroupOverAllShards) {
    Daemon daemon(2);
    daemon.shard(0).open_flow(40001, true);
    daemon.shard(0).open_flow(40002, false);
    daemon.shard(1).open_flow(40003, true);
    daemon.start();
    Peer peer(daemon.path());
    EXPECT_EQ(groups(peer, "state"),
              (std::map<json, int>{{"established/established", 1}, {"fin-wait-2/close-wait", 2}}));
    EXPECT_EQ(groups(peer, "policy"), (std::map<json, int>{{"default", 3}}));
    EXPECT_EQ(groups(peer, "client"), (std::map<json, int>{{"10.99.1.2", 3}}));
    EXPECT_EQ(groups(peer, "server"), (std::map<json, int>{{"10.99.2.2", 3}}));
    EXPECT_EQ(groups(peer, "port", "state fin-wait-2"), (std::map<json, int>{{80, 2}}));
    EXPECT_EQ(groups(peer, "port", "port 81"), (std::map<json, int>{}));
    const auto lines = peer.ask({{"command", "count"}, {"by", "port"}});
    EXPECT_EQ(lines.back()["done"]["count"], 3) << "and their sum";
}

TEST(Server, CountsTogetherWhatIsBeyondTheLimitOfGroups) {
    Daemon daemon;
    for (std::uint16_t port = 40001; port <= 40006; ++port)
        daemon.shard().open_flow(port, port > 40002);
    daemon.options.max_groups = 1;
    daemon.start();
    Peer peer(daemon.path());
    EXPECT_EQ(groups(peer, "state"), (std::map<json, int>{{"established/established", 2}, {nullptr, 4}}));
    EXPECT_EQ(groups(peer, "port"), (std::map<json, int>{{80, 6}}));
}

TEST(Server, AFilterErrorHasItsColumn) {
    Daemon daemon;
    daemon.start();
    const auto lines = Peer(daemon.path()).ask({{"command", "list"}, {"filter", "port 80 and nonsense"}});
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0]["error"]["code"], "filter");
    EXPECT_EQ(lines[0]["error"]["column"], 13);
}

TEST(Server, ShowsOneFlowWithBothSides) {
    Daemon daemon;
    daemon.shard().open_flow(40001, true);
    daemon.start();
    Peer peer(daemon.path());
    const std::string id = peer.ask({{"command", "list"}})[0]["flow"]["id"];
    const auto lines = peer.ask({{"command", "show"}, {"id", id}});
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0]["flow"]["id"], id);
    EXPECT_EQ(lines[0]["flow"]["sides"]["client"]["next"], 1002);
    EXPECT_EQ(lines[0]["flow"]["sides"]["client"]["fin_acknowledged"], true);
    EXPECT_EQ(lines[0]["flow"]["sides"]["server"]["next"], 5001);
}

TEST(Server, SaysWhenThereIsNoSuchFlow) {
    Daemon daemon;
    daemon.start();
    Peer peer(daemon.path());
    EXPECT_EQ(peer.ask({{"command", "show"}, {"id", "1-1"}})[0]["error"]["code"], "not_found");
    EXPECT_EQ(peer.ask({{"command", "show"}, {"id", "ff000001-1"}})[0]["error"]["code"], "not_found");
    EXPECT_EQ(peer.ask({{"command", "show"}, {"id", "?"}})[0]["error"]["code"], "filter");
}

TEST(Server, ExplainsOneFlow) {
    Daemon daemon;
    daemon.shard().open_flow(40001, true);
    daemon.start();
    Peer peer(daemon.path());
    const std::string id = peer.ask({{"command", "list"}})[0]["flow"]["id"];
    const auto lines = peer.ask({{"command", "explain"}, {"id", id}});
    ASSERT_EQ(lines.size(), 2U);
    const json& e = lines[0]["explanation"];
    EXPECT_EQ(e["flow"]["id"], id);
    EXPECT_EQ(e["flow"]["policy"], "default");
    EXPECT_EQ(e["flow"]["sides"]["client"]["next"], 1002);
    EXPECT_EQ(e["stage"], "half-closed");
    EXPECT_EQ(e["half_closed_s"], 10.0);
    EXPECT_EQ(e["policy"]["fin_wait_2_s"], 300.0);
    EXPECT_TRUE(e["policy"]["fin_wait_2_max_s"].is_null());
    EXPECT_EQ(e["policy"]["terms"], json::array());
    EXPECT_EQ(e["passed_over"], json::array());
    EXPECT_TRUE(e["hindrance"].is_null());
    EXPECT_EQ(e["evidence"]["client"]["evidence"], "unknown");
    EXPECT_TRUE(e["evidence"]["client"]["asked_s"].is_null());
    EXPECT_EQ(e["evidence"]["server"]["unacknowledged"], 0);
    EXPECT_EQ(e["next"][0]["in_s"], 290.0);
    EXPECT_EQ(peer.ask({{"command", "explain"}, {"id", "1-1"}})[0]["error"]["code"], "not_found");
    EXPECT_EQ(peer.ask({{"command", "explain"}, {"id", "?"}})[0]["error"]["code"], "filter");
}

TEST(Server, KillsWhatMatchesAndWakesTheShard) {
    Daemon daemon;
    daemon.shard().open_flow(40001, true);
    daemon.shard().open_flow(40002, true);
    daemon.start();
    const auto lines = Peer(daemon.path()).ask({{"command", "kill"}, {"filter", "client-port 40001"}});
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0]["killed"]["client"]["port"], 40001);
    EXPECT_EQ(lines[0]["killed"]["result"], std::string(engine::name(engine::KillResult::requested)));
    EXPECT_EQ(lines[1]["done"], json::parse(R"({"matched":1,"requested":1,"failed":0})"));
    daemon.stop();
    EXPECT_EQ(daemon.shard().wakes, 1);
    engine::Actions actions;
    daemon.shard().engine().on_tick(kNow, actions);
    const auto sends = std::count_if(actions.begin(), actions.end(), [](const auto& action) {
        return std::holds_alternative<engine::Send>(action);
    });
    EXPECT_EQ(sends, 2);
}

TEST(Server, AKillThatOnlyAsksForPermissionEndsNothing) {
    Daemon daemon;
    daemon.shard().open_flow(40001, true);
    daemon.start();
    const auto lines =
        Peer(daemon.path()).ask({{"command", "kill"}, {"filter", "port 80"}, {"permission", true}});
    EXPECT_EQ(lines, std::vector<json>{json::parse(R"({"done":{}})")});
    daemon.stop();
    EXPECT_EQ(daemon.shard().wakes, 0);
}

TEST(Server, SaysWithThePoliciesWhichModeIsInForce) {
    Daemon daemon;
    daemon.hooks.mode = [] { return std::string("observe"); };
    daemon.start();
    Peer peer(daemon.path());
    EXPECT_EQ(peer.ask({{"command", "policy"}}).back(), json::parse(R"({"done":{"mode":"observe"}})"));
    EXPECT_EQ(peer.ask({{"command", "policy"}, {"resume", "default"}}).back(),
              json::parse(R"({"done":{"resumed":false,"mode":"observe"}})"));
}

TEST(Server, KillsExactlyTheFlowsThatAreNamedAndSaysWhichAreGone) {
    Daemon daemon(2);
    daemon.shard(0).open_flow(40001, true);
    daemon.shard(0).open_flow(40002, true);
    daemon.shard(1).open_flow(40003, true);
    daemon.start();
    Peer peer(daemon.path());
    const auto flows = peer.ask({{"command", "list"}});
    const json ids = {flows[0]["flow"]["id"], flows[2]["flow"]["id"], "77-7"};
    const auto lines = peer.ask({{"command", "kill"}, {"ids", ids}});
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_EQ(lines[0]["killed"]["client"]["port"], 40001);
    EXPECT_EQ(lines[1]["killed"]["client"]["port"], 40003);
    EXPECT_EQ(lines[2]["killed"], json::parse(R"({"id":"77-7","result":"not found"})"));
    EXPECT_EQ(lines[3]["done"], json::parse(R"({"matched":2,"requested":2,"failed":0})"));
    EXPECT_EQ(peer.ask({{"command", "kill"}, {"ids", {"x"}}})[0]["error"]["code"], "filter");
}

TEST(Server, ListsTheFlowsThatAreNamed) {
    Daemon daemon(2);
    for (std::uint16_t i = 0; i < 30; ++i)
        daemon.shard(i % 2).open_flow(static_cast<std::uint16_t>(20000 + i), false);
    daemon.options.batch_slots = 4;
    daemon.start();
    Peer peer(daemon.path());
    json ids = json::array({"ff-1"});
    for (const json& line : peer.ask({{"command", "list"}, {"filter", "client-port 20003 or age > 1s"}}))
        if (line.contains("flow")) ids.push_back(line["flow"]["id"]);
    const auto lines = peer.ask({{"command", "list"}, {"ids", ids}});
    EXPECT_EQ(lines.size(), 31U);
    EXPECT_EQ(peer.ask({{"command", "list"}, {"ids", {ids[5]}}})[0]["flow"]["id"], ids[5]);
}

TEST(Server, StatsAddTheShardsUp) {
    Daemon daemon(2);
    daemon.shard(0).open_flow(40001, true);
    daemon.shard(1).open_flow(40002, true);
    daemon.hooks.queue = [] { return QueueStats{9, 8, 1, 0, 3}; };
    daemon.hooks.mode = [] { return std::string("observe"); };
    daemon.hooks.version = "1.2.3";
    daemon.start();
    const json stats = Peer(daemon.path()).ask({{"command", "stats"}})[0]["stats"];
    EXPECT_EQ(stats["flows"]["total"], 2);
    EXPECT_EQ(stats["flows"]["half_closed"], 2);
    EXPECT_EQ(stats["flows"]["limit"], 10000);
    EXPECT_EQ(stats["flows"]["by_state"]["close-wait"], 2);
    EXPECT_EQ(stats["packets"]["seen"], 10);
    EXPECT_EQ(stats["queue"]["dropped"], 9);
    EXPECT_EQ(stats["queue"]["openings"], 3);
    EXPECT_EQ(stats["shards"], 2);
    EXPECT_EQ(stats["mode"], "observe");
    EXPECT_EQ(stats["version"], "1.2.3");
}

TEST(Server, PoliciesAreAddedUpByName) {
    Daemon daemon(2);
    daemon.shard(0).open_flow(40001, true);
    daemon.shard(1).open_flow(40002, true);
    daemon.start();
    const auto lines = Peer(daemon.path()).ask({{"command", "policy"}});
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0]["policy"]["name"], "default");
    EXPECT_EQ(lines[0]["policy"]["flows"], 2);
    EXPECT_EQ(lines[0]["policy"]["fin_wait_2_s"], 300.0);
}

TEST(Server, APolicyIsResumedByNameInEveryShard) {
    Daemon daemon(2);
    daemon.start();
    Peer peer(daemon.path());
    const auto lines = peer.ask({{"command", "policy"}, {"resume", "default"}});
    EXPECT_EQ(lines[0]["policy"]["stopped"], false);
    EXPECT_EQ(lines.back(), json::parse(R"({"done":{"resumed":false}})")) << "it was not stopped";
    EXPECT_EQ(peer.ask({{"command", "policy"}}).back(), json::parse(R"({"done":{}})"));
    const auto unknown = peer.ask({{"command", "policy"}, {"resume", "web"}});
    EXPECT_EQ(unknown[0]["error"]["code"], "filter") << "as for a filter that asks for such a policy";
    EXPECT_EQ(unknown[0]["error"]["message"], "there is no policy \"web\"; there are: default");
}

TEST(Server, ReloadReportsEveryProblem) {
    Daemon daemon;
    std::vector<std::string> problems = {"a.toml:1:2: no", "a.toml:2:2: neither"};
    daemon.hooks.reload = [&problems](const Requester&) { return std::exchange(problems, {}); };
    daemon.start();
    Peer peer(daemon.path());
    const auto first = peer.ask({{"command", "reload"}});
    ASSERT_EQ(first.size(), 3U);
    EXPECT_EQ(first[1]["problem"]["message"], "a.toml:2:2: neither");
    EXPECT_EQ(first[2]["error"]["code"], "config");
    EXPECT_EQ(peer.ask({{"command", "reload"}})[0], json::parse(R"({"done":{"notes":[]}})"));
}

TEST(Server, RulesComeFromTheDaemon) {
    Daemon daemon;
    daemon.hooks.rules = [](std::string_view backend) {
        return "rules of \"" + std::string(backend) + "\"\n";
    };
    daemon.start();
    Peer peer(daemon.path());
    EXPECT_EQ(peer.ask({{"command", "rules"}})[0]["rules"]["text"], "rules of \"\"\n");
    EXPECT_EQ(peer.ask({{"command", "rules"}, {"backend", "iptables"}})[0]["rules"]["text"],
              "rules of \"iptables\"\n");
    EXPECT_EQ(peer.ask({{"command", "rules"}, {"backend", "pf"}})[0]["error"]["code"], "filter");
}

TEST(Server, AShardThatDoesNotAnswerIsNamed) {
    Daemon daemon(2);
    daemon.silent = true;
    daemon.options.shard_timeout = std::chrono::milliseconds(50);
    daemon.start();
    Peer peer(daemon.path());
    for (const char* command : {"list", "stats", "policy"}) {
        const auto lines = peer.ask({{"command", command}});
        ASSERT_EQ(lines.size(), 1U);
        EXPECT_THAT(lines[0]["error"]["message"], HasSubstr("shard 0 does not answer"));
    }
    EXPECT_TRUE(peer.ask({{"command", "ping"}})[0].contains("done"));
}

TEST(Server, TheClientOfFinwaitctlIsServedSeveralTimesOnOneConnection) {
    Daemon daemon;
    daemon.shard().open_flow(40001, true);
    daemon.start();
    auto connected = Client::connect(daemon.path());
    ASSERT_TRUE(std::holds_alternative<Client>(connected));
    auto& client = std::get<Client>(connected);
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(client.send({Command::list, "", "", ""}));
        const auto flow = parse_reply(client.next_line().value());
        ASSERT_TRUE(flow);
        EXPECT_EQ(flow->key, "flow");
        EXPECT_TRUE(parse_reply(client.next_line().value())->is_done());
    }
}

TEST(Server, ReportsOutliveTheirPolicies) {
    Daemon daemon;
    daemon.shard().open_flow(40001, true);
    Batch batch = Batch::visit(daemon.shard().engine(), kNow, 0, 10000, {});
    engine::Tuning tuning;
    tuning.policies = policy::PolicySet({{"everything-but-with-a-long-name", {}, {}}}, {});
    daemon.shard().engine().tune(kNow, tuning);
    const Batch moved = std::move(batch);
    ASSERT_EQ(moved.flows().size(), 1U);
    EXPECT_EQ(moved.flows()[0].subject.policy, "default");
}

}  // namespace
}  // namespace finwait::control::test
