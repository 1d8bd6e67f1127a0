// Events as they stand in the audit file.
#include "observe/audit_json.hpp"

#include <cstdlib>
#include <set>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace finwait::observe {
namespace {

using engine::EventType;
using nlohmann::json;

class AuditJson : public testing::Test {
  protected:
    void SetUp() override {
        ::setenv("TZ", "XST-5:30", 1);
        ::tzset();
    }
    void TearDown() override {
        ::unsetenv("TZ");
        ::tzset();
    }
    const WallClock::time_point at{std::chrono::microseconds(1'700'000'000'000'042)};
};

engine::Event half_closed(EventType type) {
    engine::Event e;
    e.type = type;
    e.id = *engine::FlowId::parse("3f2a-17");
    e.client = {*tcp::Address::parse("2001:db8::2"), 40312};
    e.server = {*tcp::Address::parse("2001:db8::80"), 443};
    e.closer = tcp::Role::client;
    e.states = {tcp::State::fin_wait_2, tcp::State::close_wait};
    e.age = std::chrono::milliseconds(71'234);
    e.idle = std::chrono::seconds(30);
    e.reason = "idle for fin_wait_2";
    return e;
}

json written(EventType type) {
    return json::parse(event_line({}, half_closed(type), "web"));
}

TEST_F(AuditJson, ATimestampIsIso8601WithMicrosecondsAndZone) {
    EXPECT_EQ(timestamp(at), "2023-11-15T03:43:20.000042+05:30");
    EXPECT_EQ(timestamp(WallClock::time_point(std::chrono::microseconds(-1))),
              "1970-01-01T05:29:59.999999+05:30");
}

TEST_F(AuditJson, AnEventHasTheNamesOfEve) {
    EXPECT_EQ(
        event_line(at, half_closed(EventType::reset), "web"),
        R"({"timestamp":"2023-11-15T03:43:20.000042+05:30","flow_id":"3f2a-17","event_type":"tcp_reset",)"
        R"("src_ip":"2001:db8::2","src_port":40312,"dest_ip":"2001:db8::80","dest_port":443,"proto":"TCP",)"
        R"("community_id":"1:9ePJoqdFiOrINVFeSxiGyZmMB/I=",)"
        R"("finwaitd":{"action":"reset","closer":"client","client_state":"fin-wait-2",)"
        R"("server_state":"close-wait","policy":"web","reason":"idle for fin_wait_2","age_s":71.234,)"
        R"("idle_s":30.0}})");
}

TEST_F(AuditJson, EveryEventHasOneOfTheTypesAndTellsItselfFromTheOthers) {
    const std::set<std::string> types = {"tcp_half_closed", "tcp_probe", "tcp_reset", "tcp_closed",
                                         "policy_stopped"};
    std::set<std::string> told;
    for (int i = 0; i <= static_cast<int>(EventType::revived); ++i) {
        const json line = written(static_cast<EventType>(i));
        EXPECT_EQ(types.count(line["event_type"]), 1U) << line;
        const json& own = line["finwaitd"];
        EXPECT_TRUE(told.insert(line["event_type"].get<std::string>() + own.value("action", "") + "/" +
                                own.value("outcome", ""))
                        .second)
            << line;
    }
}

TEST_F(AuditJson, OutcomesAndActionsAreAsDocumented) {
    EXPECT_EQ(written(EventType::probe)["finwaitd"]["action"], "asked");
    EXPECT_EQ(written(EventType::left)["finwaitd"]["outcome"], "left");
    EXPECT_EQ(written(EventType::would_reset)["finwaitd"]["action"], "would_reset");
    EXPECT_EQ(written(EventType::confirmed)["finwaitd"]["outcome"], "confirmed");
    EXPECT_EQ(written(EventType::unconfirmed)["finwaitd"]["outcome"], "unconfirmed");
    EXPECT_EQ(written(EventType::refused)["finwaitd"]["outcome"], "refused");
    EXPECT_FALSE(written(EventType::closed)["finwaitd"].contains("outcome"));
}

TEST_F(AuditJson, TheSideThatAnEventIsAboutIsNamed) {
    engine::Event e = half_closed(EventType::answered);
    e.side = tcp::Role::server;
    EXPECT_EQ(json::parse(event_line(at, e, "web"))["finwaitd"]["side"], "server");
}

TEST_F(AuditJson, AKillNamesWhoAskedForIt) {
    engine::FlowReport flow;
    flow.id = *engine::FlowId::parse("1-2");
    flow.subject.policy = "web";
    const json line = json::parse(kill_line(at, {1000, 4711, "bob"}, flow, "reset"));
    EXPECT_EQ(line["event_type"], "tcp_reset");
    EXPECT_EQ(line["flow_id"], "1-2");
    const json& own = line["finwaitd"];
    EXPECT_EQ(own["action"], "requested");
    EXPECT_EQ(own["result"], "reset");
    EXPECT_EQ(own["uid"], 1000);
    EXPECT_EQ(own["user"], "bob");
    EXPECT_EQ(own["pid"], 4711);
    const json nobody = json::parse(kill_line(at, {}, flow, "reset"))["finwaitd"];
    EXPECT_TRUE(nobody["uid"].is_null() && nobody["user"].is_null() && nobody["pid"].is_null());
}

TEST_F(AuditJson, AReloadTellsWhetherItIsInForceAndWhoAskedForIt) {
    const json good = json::parse(reload_line(at, {1000, 4711, "bob"}, "/etc/f.toml", {}));
    EXPECT_EQ(good["event_type"], "config_reload");
    EXPECT_EQ(good["finwaitd"], json::parse(R"({"outcome":"in_force","uid":1000,"user":"bob","pid":4711,)"
                                            R"("file":"/etc/f.toml"})"));
    const json bad = json::parse(reload_line(at, {}, "/etc/f.toml", {"a \xff \"b\""}));
    EXPECT_EQ(bad["finwaitd"]["outcome"], "rejected");
    EXPECT_EQ(bad["finwaitd"]["problems"].size(), 1U);
    EXPECT_TRUE(bad["finwaitd"]["uid"].is_null());
}

TEST_F(AuditJson, APolicyThatGoesOnAndARequestThatWasRefusedNameWhoAsked) {
    const json resumed = json::parse(resume_line(at, {0, 1, "root"}, "web"));
    EXPECT_EQ(resumed["event_type"], "policy_resumed");
    EXPECT_EQ(resumed["finwaitd"], json::parse(R"({"uid":0,"user":"root","pid":1,"policy":"web"})"));
    const json refused = json::parse(refused_line(at, {1000, 4711, ""}, "kill", "port 80"));
    EXPECT_EQ(refused["event_type"], "request_refused");
    EXPECT_EQ(refused["finwaitd"],
              json::parse(R"({"uid":1000,"user":null,"pid":4711,"command":"kill","operand":"port 80"})"));
}

}  // namespace
}  // namespace finwait::observe
