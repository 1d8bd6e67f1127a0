// Subcommands against a daemon that says what the test wants: what is printed, and the exit code.
#include "control/protocol.hpp"
#include "ctl/answers.hpp"
#include "ctl/fake_daemon.hpp"
#include "ctl/show_text.hpp"
#include "ctl/stats_text.hpp"
#include "ctl/subcommands.hpp"
#include "ctl/support.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include <gmock/gmock.h>

namespace finwait::ctl::test {
namespace {

using control::data_line;
using control::done_line;
using control::error_line;
using control::ErrorCode;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Commands, ListPrintsATableOrOneJsonArray) {
    const Outcome table = run_against("list", flow_line() + flow_line() + done_line());
    EXPECT_EQ(table.code, 0);
    EXPECT_EQ(lines_of(table.out).size(), 3U);
    const Outcome array = run_against("list", flow_line() + flow_line() + done_line(), true);
    EXPECT_EQ(array.code, 0);
    EXPECT_EQ(nlohmann::json::parse(array.out), (nlohmann::json{half_closed_flow(), half_closed_flow()}));
    EXPECT_EQ(run_against("list", done_line(), true).out, "[]\n");
}

TEST(Commands, AListingThatBreaksOffIsNotAnArray) {
    const Outcome lost = run_against("list", flow_line(), true);
    EXPECT_EQ(lost.code, 3);
    EXPECT_FALSE(nlohmann::json::accept(lost.out));
    EXPECT_THAT(lost.err, HasSubstr("before its answer was complete"));
    const Outcome failed =
        run_against("list", error_line({ErrorCode::timeout, "shard 0 does not answer", 0}), true);
    EXPECT_EQ(failed.code, 1);
    EXPECT_EQ(failed.out, "");
}

TEST(Commands, AFilterErrorPointsAtItsColumnAndAsksNoDaemon) {
    const Outcome outcome = run("list", {"port 80 and nonsense", "/nowhere", {}, false});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, EndsWith("\n  port 80 and nonsense\n              ^\n"));
}

TEST(Commands, ShowFailsWhenThereIsNoSuchFlow) {
    EXPECT_EQ(run_against("show", error_line({ErrorCode::not_found, "no flow 1-1", 0}), false, "1-1").code,
              1);
    EXPECT_EQ(run_against("show", error_line({ErrorCode::filter, "no id", 0}), false, "x").code, 2);
    const Outcome shown = run_against("show", flow_line() + done_line(), false, "3f2a-17");
    EXPECT_EQ(shown.code, 0);
    EXPECT_THAT(shown.out, HasSubstr("expires in 4m27s"));
}

const std::string kEnded =
    R"({"timestamp":"2024-05-01T12:00:00.123456+02:00","flow_id":"1-1","event_type":"tcp_reset",)"
    R"("src_ip":"10.0.0.2","src_port":40312,"dest_ip":"10.0.0.1","dest_port":443,"proto":"TCP",)"
    R"("finwaitd":{"outcome":"confirmed","policy":"web","reason":"neither side has answered"}})";

TEST(Commands, OfAFlowThatHasJustEndedTheEventsTell) {
    for (const char* const name : {"show", "explain"}) {
        FakeDaemon daemon(
            {error_line({ErrorCode::not_found, "no flow 1-1", 0}), data_line("event", kEnded) + done_line()});
        const Outcome outcome = run(name, {"1-1", daemon.path(), {}, false});
        EXPECT_EQ(outcome.code, 1) << "there is no such flow";
        EXPECT_EQ(outcome.err, "finwaitctl: flow 1-1 is over; its last events:\n");
        EXPECT_THAT(outcome.out, HasSubstr("tcp_reset confirmed  1-1"));
        EXPECT_THAT(outcome.out, HasSubstr("policy web: neither side has answered"));
        EXPECT_EQ(nlohmann::json::parse(daemon.requests()[1]),
                  (nlohmann::json{{"command", "events"}, {"ids", {"1-1"}}}));
    }
    const FakeDaemon daemon(
        {error_line({ErrorCode::not_found, "no flow 1-1", 0}), data_line("event", kEnded) + done_line()});
    const Outcome json = run("show", {"1-1", daemon.path(), {}, true});
    EXPECT_EQ(json.code, 1);
    EXPECT_EQ(json.err, "finwaitctl: flow 1-1 is over; its last events:\n");
    const nlohmann::json told{
        {"id", "1-1"}, {"ended", true}, {"last_events", {nlohmann::json::parse(kEnded)}}};
    EXPECT_EQ(nlohmann::json::parse(json.out), told);
}

TEST(Commands, OfAFlowThatNobodyRemembersNothingIsMadeUp) {
    const FakeDaemon daemon({error_line({ErrorCode::not_found, "no flow 1-1: never was", 0}), done_line()});
    const Outcome outcome = run("explain", {"1-1", daemon.path(), {}, false});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.err, "finwaitctl: no flow 1-1: never was\n");
    EXPECT_EQ(outcome.out, "");
}

TEST(Commands, ResumingSaysWhetherThePolicyWasStopped) {
    for (const bool stopped : {true, false}) {
        const FakeDaemon daemon({done_line(stopped ? R"({"resumed":true})" : R"({"resumed":false})")});
        Invocation call{{}, daemon.path()};
        call.resume = "web";
        const Outcome outcome = run("policy", call);
        EXPECT_EQ(outcome.code, 0);
        EXPECT_THAT(outcome.err, HasSubstr(stopped ? "policy web goes on" : "policy web was not stopped"));
    }
    EXPECT_EQ(run_against("policy", done_line()).err, "") << "nothing was to be resumed";
}

TEST(Commands, CountPrintsTheNumber) {
    EXPECT_EQ(run_against("count", done_line(R"({"count":12})")).out, "12\n");
    EXPECT_EQ(run_against("count", done_line(R"({"count":12})"), true).out, "{\"count\":12}\n");
}

TEST(Commands, CountNamesTheIdsThatNoFlowHas) {
    for (const bool grouped : {false, true}) {
        const std::string counted = grouped ? data_line("group", R"({"port":80,"count":1})") + done_line()
                                            : done_line(R"({"count":1})");
        const FakeDaemon daemon(
            {counted, flow_line() + done_line(), data_line("event", kEnded) + done_line()});
        Invocation call{"3f2a-17 1-1", daemon.path()};
        if (grouped) call.by = "port";
        const Outcome outcome = run("count", call);
        EXPECT_EQ(outcome.code, 1);
        EXPECT_THAT(outcome.out, HasSubstr("1"));
        EXPECT_THAT(outcome.err, StartsWith("finwaitctl: flow 1-1 is over; its last events:\n"));
        EXPECT_THAT(outcome.err, testing::Not(HasSubstr("3f2a-17 is")));
    }
    FakeDaemon all({done_line(R"({"count":1})")});
    EXPECT_EQ(run("count", {"3f2a-17", all.path()}).code, 0);
    EXPECT_EQ(all.requests().size(), 1U) << "nothing is missing";
}

TEST(Commands, ReloadShowsWhatIsWrong) {
    const std::string answer = data_line("problem", R"({"message":"a.toml:1:2: no"})") +
                               error_line({ErrorCode::config, "not reloaded", 0});
    const Outcome outcome = run_against("reload", answer);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.err, "a.toml:1:2: no\nfinwaitctl: not reloaded\n");
    EXPECT_EQ(run_against("reload", done_line()).out, "reloaded\n");
    const Outcome noted = run_against("reload", done_line(R"({"notes":["[intercept] has changed"]})"));
    EXPECT_EQ(noted.code, 0);
    EXPECT_EQ(noted.err, "warning: [intercept] has changed\n");
}

TEST(Commands, RulesArePrintedAsTheyAre) {
    EXPECT_EQ(run_against("rules", data_line("rules", R"({"backend":"","text":"a\nb"})") + done_line()).out,
              "a\nb\n");
}

TEST(Commands, VersionTellsBoth) {
    const Outcome outcome =
        run_against("version", data_line("version", R"({"version":"9.9","pid":1})") + done_line());
    EXPECT_THAT(outcome.out, StartsWith("finwaitctl "));
    EXPECT_THAT(outcome.out, HasSubstr("finwaitd 9.9\n"));
}

TEST(Commands, WithoutADaemonTheExitCodeIsThree) {
    for (const char* name : {"list", "stats", "policy", "rules", "reload", "count", "version"}) {
        const Outcome outcome = run(name, {"", "/nowhere/control.sock", {}, false});
        EXPECT_EQ(outcome.code, 3) << name;
        EXPECT_THAT(outcome.err, HasSubstr("/nowhere/control.sock")) << name;
    }
}

TEST(Commands, AnAnswerThatIsNoneIsAFailure) {
    EXPECT_EQ(run_against("list", "<html>\n").code, 1);
}

TEST(Commands, ADaemonThatIsBusySaysSo) {
    const Outcome outcome =
        run_against("list", error_line({ErrorCode::busy, "there are 64 connections already", 0}));
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("64 connections"));
}

TEST(ExitCodes, AreAsDocumented) {
    EXPECT_EQ(exit_code(ErrorCode::filter), ExitCode::bad_input);
    EXPECT_EQ(exit_code(ErrorCode::command), ExitCode::bad_input);
    EXPECT_EQ(exit_code(ErrorCode::config), ExitCode::bad_input);
    EXPECT_EQ(exit_code(ErrorCode::permission), ExitCode::not_permitted);
    EXPECT_EQ(exit_code(ErrorCode::not_found), ExitCode::failed);
    EXPECT_EQ(exit_code(ErrorCode::failed), ExitCode::failed);
    EXPECT_EQ(exit_code(control::ConnectFailure::not_permitted), ExitCode::not_permitted);
    EXPECT_EQ(exit_code(control::ConnectFailure::unreachable), ExitCode::unreachable);
    EXPECT_EQ(exit_code(control::ConnectFailure::silent), ExitCode::unreachable);
}

TEST(Check, SaysWhetherAConfigurationIsValid) {
    const std::string file =
        (std::filesystem::temp_directory_path() / ("finwait-check-" + std::to_string(::getpid())));
    std::ofstream(file) << "mode = \"observe\"\n";
    EXPECT_EQ(run("check", {file, {}, {}, false}).code, 0);
    std::ofstream(file) << "mode = \"loud\"\n";
    const Outcome outcome = run("check", {file, {}, {}, false});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr(file + ":1:"));
    const Outcome array = run("check", {file, {}, {}, true});
    EXPECT_EQ(nlohmann::json::parse(array.out)[0]["line"], 1);
    std::filesystem::remove(file);
    EXPECT_EQ(run("check", {file, {}, {}, false}).code, 2);
}

TEST(Stats, AreGroupedAndLeaveOutEmptyStates) {
    Captured out;
    print_stats({{"flows", {{"total", 3}, {"by_state", {{"fin-wait-2", 2}, {"listen", 0}}}}},
                 {"version", "1.0"},
                 {"uptime_s", 71.2},
                 {"mode", "enforce"},
                 {"shards", 4}},
                out.output());
    EXPECT_THAT(out.text(), StartsWith("finwaitd 1.0, up 1m11s, mode enforce, shards 4\n"));
    EXPECT_THAT(out.text(), HasSubstr("fin-wait-2"));
    EXPECT_THAT(out.text(), testing::Not(HasSubstr("listen")));
}

TEST(Stats, NumbersStandBelowEachOther) {
    Captured out;
    print_stats(nlohmann::json::object(), out.output());
    for (const std::string& line : lines_of(out.text())) {
        if (line.starts_with("  ")) {
            EXPECT_EQ(line.size(), 46U) << line;
        }
    }
}

TEST(Show, SaysWhatMovedASideWithoutASegment) {
    nlohmann::json flow = half_closed_flow();
    flow["sides"] = nlohmann::json::object();
    for (const char* const state : {"fin-wait-2", "unknown", "closed"})
        flow["history"].push_back({{"t", 1.0}, {"side", "client"}, {"state", state}, {"segment", nullptr}});
    Captured out;
    print_flow(flow, out.output());
    EXPECT_THAT(out.text(), HasSubstr("fin-wait-2  no segment: reported by the kernel\n"));
    EXPECT_THAT(
        out.text(),
        HasSubstr("unknown     no segment: conntrack's report, which no reply confirmed, was withdrawn\n"));
    EXPECT_THAT(out.text(), HasSubstr("closed      no segment: ended, or taken for ended, by finwaitd\n"));
}

TEST(Show, PrintsBothSides) {
    nlohmann::json flow = half_closed_flow();
    flow["sides"] = {{"client", {{"next", 1002}, {"ack", nullptr}, {"exact", true}}},
                     {"server", {{"next", 7}}}};
    Captured out;
    print_flow(flow, out.output());
    const auto lines = lines_of(out.text());
    EXPECT_EQ(lines[1], "client     10.99.1.2:40312  fin-wait-2");
    EXPECT_THAT(lines.back(), StartsWith("server"));
}

TEST(Show, TellsWhatEachSideSeesWhereTheDaemonDoes) {
    nlohmann::json flow = half_closed_flow();
    flow["client"]["sees"] = {{"addr", "10.99.1.1"}, {"port", 8003}};
    flow["server"]["sees"] = nullptr;
    Captured out;
    print_flow(flow, out.output());
    const auto lines = lines_of(out.text());
    EXPECT_EQ(lines[1], "client     10.99.1.2:40312  fin-wait-2  sees 10.99.1.1:8003");
    EXPECT_EQ(lines[2], "server     10.99.2.2:80  close-wait  sees -");
}

TEST(Commands, OnlyAVerboseListingAsksForAddresses) {
    for (const bool verbose : {false, true}) {
        FakeDaemon daemon({flow_line() + done_line()});
        Invocation call{{}, daemon.path()};
        call.verbose = verbose ? 1 : 0;
        EXPECT_EQ(run("list", call).out.find("CLIENT SEES") != std::string::npos, verbose);
        ASSERT_EQ(daemon.requests().size(), 1U);
        EXPECT_EQ(nlohmann::json::parse(daemon.requests()[0]).contains("addresses"), verbose);
    }
}

TEST(Output, AReaderThatIsGoneEndsItQuietly) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    ::close(ends[0]);
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    {
        Output out(ends[1]);
        out.write("text");
        out.flush();
        EXPECT_TRUE(out.ended());
        EXPECT_EQ(out.error(), 0);
    }
    std::signal(SIGPIPE, before);
    ::close(ends[1]);
}

}  // namespace
}  // namespace finwait::ctl::test
