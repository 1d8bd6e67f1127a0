// finwaitctl list and count against a daemon that says what the test wants.
#include "ctl/fake_daemon.hpp"
#include "ctl/flow_fields.hpp"
#include "ctl/flow_table.hpp"

#include <cstdlib>
#include <string>

#include <gmock/gmock.h>

namespace finwait::ctl::test {
namespace {

using control::data_line;
using control::done_line;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string flow_line(std::string_view id, double idle) {
    nlohmann::json flow = half_closed_flow();
    flow["id"] = id;
    flow["idle_s"] = idle;
    return data_line("flow", flow.dump());
}

const std::string kThree =
    flow_line("0-1", 7.0) + flow_line("0-2", 90.0) + flow_line("0-3", 8.0) + done_line();

Outcome run_call(std::string_view name, const std::string& answer, Invocation call) {
    const FakeDaemon daemon({answer});
    call.socket = daemon.path();
    return run(name, std::move(call));
}

std::vector<std::string> ids_in(const std::string& json) {
    std::vector<std::string> ids;
    for (const nlohmann::json& flow : nlohmann::json::parse(json))
        ids.push_back(flow["id"]);
    return ids;
}

TEST(List, AsFieldsHasALineOfNamesUnlessItIsNotWanted) {
    Invocation call;
    call.tsv = true;
    const Outcome with = run_call("list", kThree, call);
    EXPECT_EQ(with.code, 0);
    EXPECT_THAT(with.out, StartsWith(tsv_header(false) + "0-1\t10.99.1.2\t40312\t"));
    EXPECT_EQ(lines_of(with.out).size(), 4U);
    call.header = false;
    EXPECT_THAT(run_call("list", kThree, call).out, StartsWith("0-1\t"));
    EXPECT_EQ(run_call("list", done_line(), call).out, "");
}

TEST(List, ALimitEndsItAfterSoManyAndTheArrayIsWhole) {
    Invocation call;
    call.json = true;
    call.limit = 2;
    const Outcome outcome = run_call("list", kThree, call);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(ids_in(outcome.out), testing::ElementsAre("0-1", "0-2"));
}

TEST(List, SortedItHasTheFirstOfAll) {
    Invocation call;
    call.json = true;
    call.sort = "-idle";
    EXPECT_THAT(ids_in(run_call("list", kThree, call).out), testing::ElementsAre("0-2", "0-3", "0-1"));
    call.limit = 1;
    EXPECT_THAT(ids_in(run_call("list", kThree, call).out), testing::ElementsAre("0-2"));
}

TEST(List, SortedAndBrokenOffItPrintsNothing) {
    Invocation call;
    call.sort = "idle";
    const Outcome outcome = run_call("list", flow_line("0-1", 7.0), call);
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(outcome.out, "");
}

TEST(List, PrettyJsonIsTheSameJsonInMoreLines) {
    Invocation call;
    call.json = true;
    const std::string compact = run_call("list", kThree, call).out;
    call.pretty = true;
    const std::string pretty = run_call("list", kThree, call).out;
    EXPECT_EQ(nlohmann::json::parse(pretty), nlohmann::json::parse(compact));
    EXPECT_GT(lines_of(pretty).size(), 30U);
    EXPECT_THAT(pretty, HasSubstr("\n  \"id\": \"0-1\""));
}

TEST(List, WithoutAHeaderTheTableBeginsWithItsFirstFlow) {
    Invocation call;
    call.header = false;
    const Outcome outcome = run_call("list", kThree, call);
    EXPECT_THAT(outcome.out, StartsWith("0-1  10.99.1.2:40312"));
    EXPECT_EQ(lines_of(outcome.out).size(), 3U);
}

TEST(List, VerboseTwiceAddsALineOnlyWhereThereIsSomethingToSay) {
    nlohmann::json flow = half_closed_flow();
    flow["fast_path"] = true;
    flow["cannot_end"] = "numbers not known exactly";
    Invocation call;
    call.verbose = 2;
    const Outcome outcome = run_call(
        "list",
        data_line("flow", flow.dump()) + control::data_line("flow", half_closed_flow().dump()) + done_line(),
        call);
    const auto lines = lines_of(outcome.out);
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_THAT(lines[0], HasSubstr("CLIENT SEES"));
    EXPECT_EQ(lines[2], "    on the fast path; cannot be ended: numbers not known exactly");
}

TEST(List, VerboseTwiceShowsTheNumbersOfBothSidesBelowEachFlow) {
    nlohmann::json flow = half_closed_flow();
    flow["sides"] = {
        {"client",
         {{"next", 1002},
          {"ack", 7},
          {"fin", 1002},
          {"fin_acknowledged", true},
          {"window", 63},
          {"exact", true}}},
        {"server", {{"next", 7}, {"ack", nullptr}, {"fin", nullptr}, {"window", nullptr}, {"exact", false}}}};
    flow["adopted"] = true;
    FakeDaemon daemon({data_line("flow", flow.dump()) + done_line()});
    Invocation call;
    call.verbose = 2;
    call.socket = daemon.path();
    const Outcome outcome = run("list", call);
    EXPECT_EQ(lines_of(outcome.out).back(),
              "    client next 1002 ack 7 fin 1002 acked window 63; server next 7 (not exact); "
              "adopted midway");
    EXPECT_EQ(nlohmann::json::parse(daemon.requests()[0]),
              (nlohmann::json{{"command", "list"}, {"filter", ""}, {"addresses", true}, {"sides", true}}));
}

TEST(List, TakesIdsAndSaysWhichAreNoFlows) {
    FakeDaemon daemon({flow_line("0-1", 7.0) + done_line(), done_line()});
    Invocation call;
    call.operand = "0-1 0-9";
    call.socket = daemon.path();
    const Outcome outcome = run("list", call);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.out, HasSubstr("0-1"));
    EXPECT_EQ(outcome.err, "finwaitctl: no flow 0-9: it is gone, or never was\n");
    const auto& requests = daemon.requests();
    EXPECT_EQ(nlohmann::json::parse(requests[0]),
              (nlohmann::json{{"command", "list"}, {"ids", {"0-1", "0-9"}}}));
    EXPECT_EQ(nlohmann::json::parse(requests[1]), (nlohmann::json{{"command", "events"}, {"ids", {"0-9"}}}));
}

TEST(List, ColoursAreThereWhenAskedForAndCostNoColumn) {
    for (const bool colours : {false, true}) {
        Captured out;
        Table table(flow_columns(), 80, out.output(), {true, colours});
        table.add(flow_row(half_closed_flow()));
        table.finish();
        EXPECT_EQ(out.text().find("\x1b[33mfin-wait-2/close-wait\x1b[0m") != std::string::npos, colours);
        std::string plain = out.text();
        for (std::size_t at = plain.find('\x1b'); at != std::string::npos; at = plain.find('\x1b'))
            plain.erase(at, plain.find('m', at) - at + 1);
        EXPECT_EQ(lines_of(plain)[1],
                  "3f2a-17  10.99.1.2:40312  10.99.2.2:80  fin-wait-2/close-wait   33s    4m27s");
    }
}

TEST(Colours, AreNotUsedByThemselvesWhereThereIsNoTerminal) {
    EXPECT_FALSE(use_colours(Colours::automatic, -1));
    EXPECT_TRUE(use_colours(Colours::always, -1));
    EXPECT_FALSE(use_colours(Colours::never, -1));
}

const std::string kGroups = data_line("group", R"({"port":22,"count":3})") +
                            data_line("group", R"({"port":443,"count":17})") +
                            data_line("group", R"({"port":null,"count":1})") + done_line(R"({"count":21})");

TEST(Count, ByGroupHasTheLargestFirst) {
    Invocation call;
    call.by = "port";
    EXPECT_EQ(run_call("count", kGroups, call).out, "COUNT  PORT\n   17  443\n    3  22\n    1  (others)\n");
    call.limit = 1;
    call.header = false;
    EXPECT_EQ(run_call("count", kGroups, call).out, "17  443\n");
    call.json = true;
    EXPECT_EQ(run_call("count", kGroups, call).out, "[\n{\"port\":443,\"count\":17}\n]\n");
}

TEST(Count, AsksTheDaemonForTheGroups) {
    FakeDaemon daemon({kGroups});
    Invocation call;
    call.by = "port";
    call.operand = "age > 1s";
    call.socket = daemon.path();
    run("count", call);
    EXPECT_EQ(nlohmann::json::parse(daemon.requests()[0]),
              (nlohmann::json{{"command", "count"}, {"filter", "age > 1s"}, {"by", "port"}}));
}

}  // namespace
}  // namespace finwait::ctl::test
