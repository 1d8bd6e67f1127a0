// finwaitctl kill: what it shows, asks, sends and reports.
#include "ctl/fake_daemon.hpp"

#include <gmock/gmock.h>

namespace finwait::ctl::test {
namespace {

using control::data_line;
using control::done_line;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

json flow(const char* id, const char* cannot_end = nullptr, const char* outcome = nullptr) {
    json out = half_closed_flow();
    out["id"] = id;
    if (cannot_end != nullptr) out["cannot_end"] = cannot_end;
    if (outcome != nullptr) out["outcome"] = outcome;
    return out;
}

std::string listing(const std::vector<json>& flows) {
    std::string text;
    for (const json& one : flows)
        text += data_line("flow", one.dump());
    return text + done_line();
}

std::string killed(const std::vector<std::pair<const char*, const char*>>& results) {
    std::string text;
    for (const auto& [id, result] : results)
        text += data_line("killed", json({{"id", id}, {"result", result}}).dump());
    return text + done_line(R"({"matched":1,"requested":1,"failed":0})");
}

Invocation call_for(const FakeDaemon& daemon) {
    Invocation call{"port 80", daemon.path(), {}, false};
    call.pause = std::chrono::milliseconds(1);
    call.patience = std::chrono::milliseconds(50);
    return call;
}

Outcome kill(FakeDaemon& daemon, bool yes = true) {
    Invocation call = call_for(daemon);
    call.yes = yes;
    return run("kill", call);
}

TEST(Kill, EndsExactlyTheFlowsThatItShowedAndWaitsForTheirOutcome) {
    FakeDaemon daemon({listing({flow("1-1"), flow("2-1"), flow("3-1", "numbers not known exactly")}),
                       killed({{"1-1", "reset"}, {"2-1", "not found"}}), listing({flow("1-1")}),
                       listing({flow("1-1", "already closed", "confirmed")})});
    const Outcome outcome = kill(daemon);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.out, HasSubstr("3 connections match, 2 to be ended, 1 cannot be.\n"));
    EXPECT_THAT(outcome.out, HasSubstr("cannot be ended: numbers not known exactly"));
    EXPECT_THAT(outcome.out, HasSubstr("confirmed: reset, and gone from both ends"));
    EXPECT_THAT(outcome.out, HasSubstr("vanished: "));
    EXPECT_THAT(outcome.out, HasSubstr("left: numbers not known exactly; see finwaitctl explain 3-1"));
    EXPECT_THAT(outcome.err, HasSubstr("1 of 3 connections not ended"));
    const auto& requests = daemon.requests();
    ASSERT_EQ(requests.size(), 4U);
    EXPECT_EQ(json::parse(requests[0]), json::parse(R"({"command":"list","filter":"port 80"})"));
    EXPECT_EQ(json::parse(requests[1]), json::parse(R"({"command":"kill","ids":["1-1","2-1"]})"));
    EXPECT_EQ(json::parse(requests[2]), json::parse(R"({"command":"list","ids":["1-1"]})"));
}

TEST(Kill, OfWhatIsOnTheFastPathItSaysWhyItIsLeft) {
    json fast = flow("1-1", "numbers not known exactly");
    fast["fast_path"] = true;
    json open = fast;
    open["id"] = "2-1";
    open["client"]["state"] = open["server"]["state"] = "established";
    FakeDaemon daemon({listing({fast, open})});
    const Outcome outcome = kill(daemon);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.out, HasSubstr("left: on the kernel's fast path: its numbers are not known before a "
                                       "FIN or RST passes; see finwaitctl explain 1-1"));
    EXPECT_THAT(outcome.out, HasSubstr("left: established, on the kernel's fast path: "));
}

TEST(Kill, WhoMayNotIsToldThatNothingWasDone) {
    FakeDaemon daemon({listing({flow("1-1")}), control::error_line({control::ErrorCode::permission,
                                                                    "you may look, but not kill", 0})});
    const Outcome outcome = kill(daemon);
    EXPECT_EQ(outcome.code, 4);
    EXPECT_THAT(outcome.out, HasSubstr("not done: not permitted"));
}

TEST(Kill, SucceedsWhenAllAreEnded) {
    FakeDaemon daemon(
        {listing({flow("1-1"), flow("2-1"), flow("3-1", "already closed")}),
         killed({{"1-1", "reset"}, {"2-1", "reset"}}),
         listing({flow("1-1", "already closed", "unconfirmed"), flow("2-1", "already closed")})});
    const Outcome outcome = kill(daemon);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("unconfirmed: reset"));
    EXPECT_THAT(outcome.out, HasSubstr("closed: it was over by itself"));
    EXPECT_EQ(outcome.err, "");
}

TEST(Kill, FailsWhenASideLivesOnOrTheWaitIsOver) {
    FakeDaemon daemon({listing({flow("1-1"), flow("2-1")}), killed({{"1-1", "reset"}, {"2-1", "reset"}}),
                       listing({flow("1-1", nullptr, "refused"), flow("2-1")}), listing({flow("2-1")})});
    const Outcome outcome = kill(daemon);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.out, HasSubstr("refused: a side lives on"));
    EXPECT_THAT(outcome.out, HasSubstr("pending: not over after 0.1s; finwaitctl explain 2-1 tells why"));
}

TEST(Kill, SaysSoWhereTheDaemonStopsAnsweringMeanwhile) {
    FakeDaemon daemon({listing({flow("1-1")}), killed({{"1-1", "reset"}}), ""});
    const Outcome outcome = kill(daemon);
    EXPECT_NE(outcome.code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("pending: asked for; whether it is over could not be seen"));
}

TEST(Kill, AsksOnATerminalAndTakesOnlyYesForYes) {
    std::string asked;
    for (const bool answer : {false, true}) {
        FakeDaemon daemon({listing({flow("1-1")}), done_line(), killed({{"1-1", "reset"}}),
                           listing({flow("1-1", "already closed", "confirmed")})});
        const Outcome outcome = run("kill", call_for(daemon), [&](const std::string& question) {
            asked = question;
            return answer;
        });
        EXPECT_EQ(outcome.code, answer ? 0 : 1);
        EXPECT_EQ(daemon.requests().size(), answer ? 4U : 2U);
        EXPECT_EQ(asked, "Really end 1 connection? [y/N] ");
    }
}

TEST(Kill, WhoMayNotKillIsToldSoBeforeAnythingElse) {
    FakeDaemon daemon({listing({flow("1-1")}), control::error_line({control::ErrorCode::permission,
                                                                    "you may look, but not kill", 0})});
    bool asked = false;
    const Outcome outcome =
        run("kill", call_for(daemon), [&asked](const std::string&) { return asked = true; });
    EXPECT_EQ(outcome.code, 4);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, "finwaitctl: you may look, but not kill\n");
    EXPECT_FALSE(asked);
    EXPECT_EQ(json::parse(daemon.requests()[1]),
              json::parse(R"({"command":"kill","filter":"port 80","permission":true})"));
}

TEST(Kill, ADaemonThatDoesNotKnowTheQuestionOfPermissionIsNotAsked) {
    FakeDaemon daemon(
        {listing({flow("1-1")}),
         control::error_line({control::ErrorCode::command, "\"permission\" is not known to kill", 0}),
         killed({{"1-1", "reset"}}), listing({flow("1-1", "already closed", "confirmed")})});
    const Outcome outcome = run("kill", call_for(daemon), [](const std::string&) { return true; });
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.err, "");
}

TEST(Kill, WithoutATerminalItNeedsToBeToldYes) {
    FakeDaemon daemon({listing({flow("1-1")})});
    const Outcome outcome = kill(daemon, false);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("say --yes"));
    EXPECT_EQ(daemon.requests().size(), 1U);
}

TEST(Kill, FailsWhenNothingMatches) {
    FakeDaemon daemon({done_line()});
    const Outcome outcome = kill(daemon, false);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("no flow matches"));
}

TEST(Kill, WhatCannotBeEndedIsNotAskedFor) {
    FakeDaemon daemon({listing({flow("1-1", "signed or multipath, left alone")})});
    EXPECT_EQ(kill(daemon, false).code, 1);
    EXPECT_EQ(daemon.requests().size(), 1U);
    FakeDaemon closed({listing({flow("1-1", "already closed")})});
    EXPECT_EQ(kill(closed, false).code, 0);
}

TEST(Kill, WhatFinwaitdHasJustEndedIsLeftOutOfWhatAFilterMatches) {
    FakeDaemon daemon({listing({flow("1-1", "already closed", "confirmed"),
                                flow("2-1", "already closed", "unconfirmed"), flow("3-1")}),
                       killed({{"3-1", "reset"}}), listing({flow("3-1", "already closed", "confirmed")})});
    const Outcome outcome = kill(daemon);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, Not(HasSubstr("1-1")));
    EXPECT_THAT(outcome.out, Not(HasSubstr("2-1")));
    EXPECT_THAT(
        outcome.out,
        HasSubstr("1 connection matches, 1 to be ended (2 that finwaitd has just ended left out).\n"));
    FakeDaemon none({listing({flow("1-1", "already closed", "confirmed")})});
    const Outcome nothing = kill(none);
    EXPECT_EQ(nothing.code, 1);
    EXPECT_EQ(nothing.err, "finwaitctl: no flow matches (1 that finwaitd has just ended left out)\n");
}

TEST(Kill, TakesIdsAsShowDoes) {
    FakeDaemon daemon({listing({flow("1-1"), flow("2-1", "already closed", "confirmed")}),
                       killed({{"1-1", "reset"}}), listing({flow("1-1", "already closed", "confirmed")})});
    Invocation call = call_for(daemon);
    call.operand = "1-1 2-1";
    call.yes = true;
    const Outcome outcome = run("kill", call);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("nothing: finwaitd has ended it already"));
    EXPECT_EQ(json::parse(daemon.requests()[0]), json::parse(R"({"command":"list","ids":["1-1","2-1"]})"));
    EXPECT_EQ(json::parse(daemon.requests()[1]), json::parse(R"({"command":"kill","ids":["1-1"]})"));
}

TEST(Kill, AnIdThatIsNoFlowsIsNamedAndTheOthersAreEnded) {
    FakeDaemon daemon({listing({flow("1-1")}), done_line(), killed({{"1-1", "reset"}}),
                       listing({flow("1-1", "already closed", "confirmed")})});
    Invocation call = call_for(daemon);
    call.operand = "1-1 9-9";
    call.yes = true;
    const Outcome outcome = run("kill", call);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.err, "finwaitctl: no flow 9-9: it is gone, or never was\n");
    EXPECT_THAT(outcome.out, HasSubstr("confirmed: reset"));
}

TEST(Kill, IdsAndAFilterAreNotMixed) {
    FakeDaemon daemon({done_line()});
    Invocation call = call_for(daemon);
    call.operand = "1-1 or port 80";
    const Outcome outcome = run("kill", call);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("found \"or\" behind the id 1-1"));
    EXPECT_EQ(daemon.requests().size(), 0U);
}

TEST(Kill, WithoutWaitingItReturnsAfterTheRequests) {
    FakeDaemon daemon({listing({flow("1-1")}), killed({{"1-1", "reset"}})});
    Invocation call = call_for(daemon);
    call.yes = true;
    call.wait = false;
    const Outcome outcome = run("kill", call);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("pending: asked for"));
    EXPECT_EQ(daemon.requests().size(), 2U);
}

TEST(Kill, AsJsonEachOutcomeIsAnObject) {
    FakeDaemon daemon({listing({flow("1-1"), flow("2-1", "already closed")}), killed({{"1-1", "reset"}}),
                       listing({flow("1-1", "already closed", "confirmed")})});
    Invocation call = call_for(daemon);
    call.yes = call.json = true;
    const Outcome outcome = run("kill", call);
    EXPECT_EQ(outcome.code, 0);
    const json array = json::parse(outcome.out);
    ASSERT_EQ(array.size(), 2U);
    EXPECT_EQ(array[0], json::parse(R"({"id":"1-1","client":{"addr":"10.99.1.2","port":40312},
        "server":{"addr":"10.99.2.2","port":80},"result":"reset","outcome":"confirmed"})"));
    EXPECT_EQ(array[1]["outcome"], "closed");
}

TEST(Kill, ADaemonThatGoesAwayMeanwhileIsUnreachable) {
    FakeDaemon daemon({listing({flow("1-1")}), killed({{"1-1", "reset"}}), ""});
    const Outcome outcome = kill(daemon);
    EXPECT_EQ(outcome.code, 3);
    EXPECT_THAT(outcome.out, HasSubstr("pending"));
    EXPECT_THAT(outcome.err, Not(HasSubstr("no flow matches")));
}

}  // namespace
}  // namespace finwait::ctl::test
