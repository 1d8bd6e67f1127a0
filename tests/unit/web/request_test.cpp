// What requests may look like, and under which names.
#include "web/history.hpp"
#include "web/hosts.hpp"
#include "web/http.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace finwait::web {
namespace {

TEST(Target, IsDecoded) {
    const auto target = parse_target("/api/flows.json?filter=port+80%20and%20%28idle%3E1m%29&x=%c3%A9&empty");
    ASSERT_TRUE(target);
    EXPECT_EQ(target->path, "/api/flows.json");
    EXPECT_EQ(target->query.at("filter"), "port 80 and (idle>1m)");
    EXPECT_EQ(target->query.at("x"), "\xc3\xa9");
    EXPECT_EQ(target->query.at("empty"), "");
    EXPECT_EQ(parse_target("/a+b")->path, "/a+b");
}

TEST(Target, ThatMakesNoSenseIsNone) {
    for (const char* wrong :
         {"", "*", "x", "http://10.0.0.1/", "/%", "/%4", "/%zz", "/%-1", "/?a=%", "/?a=1&a=2"})
        EXPECT_FALSE(parse_target(wrong)) << wrong;
}

TEST(Hosts, AddressesAndNamesOfThisMachineAreAllowedWithAnyPort) {
    const Hosts hosts({"gw1", "GW1.example.com"});
    for (const char* good : {"localhost", "localhost:9652", "LOCALHOST", "localhost.", "127.0.0.1",
                             "127.0.0.1:80", "192.0.2.1:9652", "[::1]", "[::1]:9652", "[2001:db8::1]:1",
                             "gw1", "gw1:9652", "gw1.example.com", "gw1.example.COM."})
        EXPECT_TRUE(hosts.allow(good)) << good;
}

TEST(Hosts, OtherNamesAreNotForTheyMayLeadHereByRebinding) {
    const Hosts hosts({"gw1"});
    for (const char* wrong :
         {"", ":", ":80", "evil.example", "evil.example:9652", "localhost.evil.example",
          "127.0.0.1.evil.example", "gw1.example.com", "localhost:x", "localhost:", "[::1", "[]",
          "[127.0.0.1]", "::1", "[localhost]", "127.0.0.1:80:80", "localhost evil"})
        EXPECT_FALSE(hosts.allow(wrong)) << wrong;
}

TEST(History, TellsWhatHasBeenAddedInEachStepAndInTheOneUnderWay) {
    History history;
    engine::Counters counters;
    counters.probes_sent = 100;
    EXPECT_EQ(history.json(counters), R"({"step_s":10,"steps":[[0,0,0,0]]})") << "it has not begun";
    history.add(counters);
    counters.probes_sent = 105;
    counters.resets_confirmed = 1;
    EXPECT_EQ(history.json(counters), R"({"step_s":10,"steps":[[5,1,0,0]]})");
    history.add(counters);
    counters.resets_unconfirmed = 2;
    counters.resets_refused = 3;
    EXPECT_EQ(history.json(counters), R"({"step_s":10,"steps":[[5,1,0,0],[0,0,2,3]]})");
}

TEST(History, ForgetsWhatIsOlderThanAnHour) {
    History history;
    engine::Counters counters;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        counters.probes_sent += i;
        history.add(counters);
    }
    counters.probes_sent += 1000;
    const auto steps = nlohmann::json::parse(history.json(counters))["steps"];
    ASSERT_EQ(steps.size(), 360U);
    EXPECT_EQ(steps.front()[0], 641);
    EXPECT_EQ(steps.back()[0], 1000);
}

}  // namespace
}  // namespace finwait::web
