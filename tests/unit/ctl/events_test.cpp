// finwaitctl events: JSON Lines as the daemon sends them, or a line for people.
#include "ctl/event_text.hpp"
#include "ctl/fake_daemon.hpp"

#include <gmock/gmock.h>

namespace finwait::ctl::test {
namespace {

using control::data_line;
using control::done_line;
using nlohmann::json;
using testing::HasSubstr;

const std::string kReset =
    R"({"timestamp":"2024-05-01T12:00:00.123456+02:00","flow_id":"3f2a-17","event_type":"tcp_reset",)"
    R"("src_ip":"2001:db8::2","src_port":40312,"dest_ip":"10.0.0.1","dest_port":443,"proto":"TCP",)"
    R"("finwaitd":{"action":"reset","closer":"client","client_state":"fin-wait-2","server_state":"close-wait",)"
    R"("policy":"web","reason":"idle for fin_wait_2","age_s":71.2,"idle_s":30.0}})";

Outcome run_events(const FakeDaemon& daemon, const std::function<void(Invocation&)>& change) {
    Invocation call;
    call.socket = daemon.path();
    change(call);
    return run("events", call);
}

TEST(Events, AreJsonLinesAsTheyCome) {
    const FakeDaemon daemon({data_line("event", kReset) + data_line("event", kReset) + done_line()});
    const Outcome outcome = run_events(daemon, [](Invocation&) {});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, kReset + "\n" + kReset + "\n");
}

TEST(Events, WhatTheCommandLineSaysIsAskedFor) {
    FakeDaemon daemon({done_line()});
    static_cast<void>(run_events(daemon, [](Invocation& call) {
        call.operand = "port 443";
        call.types = {"tcp_reset"};
        call.follow = call.fresh = true;
    }));
    EXPECT_EQ(
        json::parse(daemon.requests()[0]),
        json::parse(
            R"({"command":"events","filter":"port 443","types":["tcp_reset"],"follow":true,"fresh":true})"));
}

TEST(Events, AFilterOnThePhaseIsRefusedWithItsColumn) {
    const FakeDaemon daemon({done_line()});
    const Outcome outcome = run_events(daemon, [](Invocation& call) { call.operand = "phase probing"; });
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("their types tell the phase"));
}

TEST(Events, ADaemonThatStopsEndsTheFollowingWithItsExitCode) {
    const FakeDaemon daemon({data_line("event", kReset)});
    const Outcome outcome = run_events(daemon, [](Invocation& call) { call.follow = true; });
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(outcome.out, kReset + "\n");
}

TEST(Events, ADaemonThatSaysThatItStopsEndsTheFollowingWell) {
    const FakeDaemon daemon({data_line("event", kReset) + done_line(R"({"stopped":true})")});
    const Outcome outcome = run_events(daemon, [](Invocation& call) { call.follow = true; });
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.err, "finwaitctl: finwaitd has stopped\n");
}

TEST(Events, AreThoseOfTheFlowsThatAreNamedByTheirIds) {
    FakeDaemon daemon(
        {done_line(), done_line(), done_line(R"({"count":1})"), done_line(), done_line(R"({"count":1})")});
    EXPECT_EQ(run_events(daemon, [](Invocation& call) { call.operand = "3f2a-17, 04-02 3F2A-17"; }).code, 0)
        << "there are such flows";
    EXPECT_EQ(json::parse(daemon.requests()[0]),
              json::parse(R"({"command":"events","ids":["3f2a-17","4-2"]})"));
}

TEST(Events, AnIdThatNoFlowAndNoEventHasIsNamed) {
    FakeDaemon daemon({data_line("event", kReset) + done_line(), done_line(), done_line(R"({"count":0})")});
    const Outcome outcome = run_events(daemon, [](Invocation& call) { call.operand = "3f2a-17 99-1"; });
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, kReset + "\n");
    EXPECT_EQ(outcome.err, "finwaitctl: no flow 99-1: it is gone, or never was\n");
    EXPECT_EQ(json::parse(daemon.requests()[2]), json::parse(R"({"command":"count","ids":["99-1"]})"));
}

TEST(Events, AnIdWhoseEventsAreOfOtherTypesIsKnown) {
    FakeDaemon daemon({done_line(), data_line("event", kReset) + done_line()});
    const Outcome outcome = run_events(daemon, [](Invocation& call) {
        call.operand = "3f2a-17";
        call.types = {"tcp_closed"};
    });
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out + outcome.err, "");
    EXPECT_EQ(daemon.requests().size(), 2U);
}

TEST(Events, FollowingNoIdIsNamed) {
    FakeDaemon daemon({done_line(R"({"stopped":true})")});
    EXPECT_EQ(run_events(daemon,
                         [](Invocation& call) {
                             call.operand = "99-1";
                             call.follow = true;
                         })
                  .code,
              0);
    EXPECT_EQ(daemon.requests().size(), 1U);
}

TEST(Events, ALineForPeopleSaysWhatWasRefusedToWhom) {
    json event = json::parse(
        R"({"timestamp":"2024-05-01T12:00:00.123456+02:00","event_type":"request_refused",)"
        R"("finwaitd":{"uid":1001,"user":"bob","pid":7,"command":"kill","operand":"port 80 \u001b[2J"}})");
    EXPECT_EQ(
        event_text(event),
        "2024-05-01 12:00:00.123+02:00  request_refused: kill \"port 80 \\x1b[2J\", by bob (uid 1001)\n");
    event["finwaitd"]["operand"] = "";
    event["finwaitd"]["command"] = "reload";
    event["finwaitd"]["user"] = nullptr;
    EXPECT_EQ(event_text(event), "2024-05-01 12:00:00.123+02:00  request_refused: reload (uid 1001)\n");
    event["finwaitd"]["operand"] = "web";
    event["finwaitd"]["command"] = "policy";
    EXPECT_THAT(event_text(event), testing::HasSubstr("request_refused: policy --resume \"web\" (uid 1001)"));
}

TEST(Events, ATimestampWithoutFractionsOrZoneIsPrintedAsFarAsItGoes) {
    json event = json::parse(kReset);
    event["timestamp"] = "2024-05-01T12:00:00Z";
    EXPECT_THAT(event_text(event), testing::StartsWith("2024-05-01T12:00:00Z  "));
}

TEST(Events, ALineForPeopleSaysWhatHappenedToWhichFlowAndWhy) {
    EXPECT_EQ(event_text(json::parse(kReset)),
              "2024-05-01 12:00:00.123+02:00  tcp_reset reset  3f2a-17  [2001:db8::2]:40312 > 10.0.0.1:443  "
              "fin-wait-2/close-wait  policy web: idle for fin_wait_2\n");
}

TEST(Events, ALineForPeopleNamesTheSideTheOperatorAndTheProblems) {
    json event = json::parse(kReset);
    event["finwaitd"]["outcome"] = "answered";
    event["finwaitd"]["side"] = "server";
    event["finwaitd"]["uid"] = 1000;
    EXPECT_THAT(event_text(event), HasSubstr(" answered by server "));
    EXPECT_THAT(event_text(event), HasSubstr("(uid 1000)"));
    const json reload =
        json::parse(R"({"timestamp":"2024-05-01T12:00:00.123456+02:00","event_type":"config_reload",)"
                    R"("finwaitd":{"outcome":"rejected","file":"/etc/f.toml","problems":["line 3: no"]}})");
    EXPECT_EQ(event_text(reload),
              "2024-05-01 12:00:00.123+02:00  config_reload rejected  /etc/f.toml\n    line 3: no\n");
    const json rules = json::parse(
        R"({"timestamp":"2024-05-01T12:00:00.123456+02:00","event_type":"rules_changed",)"
        R"("finwaitd":{"outcome":"missing","missing":["-A FORWARD -j FINWAITD","-N FINWAITD"]}})");
    EXPECT_EQ(event_text(rules),
              "2024-05-01 12:00:00.123+02:00  rules_changed missing\n    -A FORWARD -j FINWAITD\n"
              "    -N FINWAITD\n");
    const json lost = json::parse(R"({"event_type":"finwaitd_lost","finwaitd":{"count":17}})");
    EXPECT_THAT(event_text(lost), HasSubstr("17 events are missing"));
}

}  // namespace
}  // namespace finwait::ctl::test
