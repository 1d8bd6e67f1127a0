#include "ctl/table.hpp"

#include "ctl/flow_table.hpp"
#include "ctl/json_array.hpp"
#include "ctl/policy_text.hpp"
#include "ctl/support.hpp"
#include "ctl/text.hpp"

#include <gmock/gmock.h>

namespace finwait::ctl::test {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> flows_at(std::optional<std::size_t> width,
                                  const std::vector<nlohmann::json>& flows) {
    Captured out;
    Table table(flow_columns(), width, out.output());
    for (const nlohmann::json& flow : flows)
        table.add(flow_row(flow));
    table.finish();
    return lines_of(out.text());
}

TEST(FlowTable, At80ColumnsTheLeastImportantOnesAreGone) {
    EXPECT_THAT(flows_at(80, {half_closed_flow()}),
                ElementsAre("ID       CLIENT           SERVER        STATES                 IDLE  EXPIRES",
                            "3f2a-17  10.99.1.2:40312  10.99.2.2:80  fin-wait-2/close-wait   33s    4m27s"));
}

TEST(FlowTable, At120ColumnsAllAreThere) {
    EXPECT_THAT(flows_at(120, {half_closed_flow()}),
                ElementsAre("ID       CLIENT           SERVER        STATES                 CLOSER    AGE  "
                            "IDLE  EXPIRES  POLICY   PHASE",
                            "3f2a-17  10.99.1.2:40312  10.99.2.2:80  fin-wait-2/close-wait  client  1m11s   "
                            "33s    4m27s  default  "
                            "watching"));
}

TEST(FlowTable, NoWidthOfATerminalIsExceeded) {
    const nlohmann::json long_one =
        half_closed_flow("2001:db8:aaaa:bbbb:cccc:dddd:eeee:1111", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:2222");
    for (const std::size_t width : {80U, 100U, 120U, 200U}) {
        for (const std::string& line : flows_at(width, {half_closed_flow(), long_one})) {
            EXPECT_LE(display_width(line), width) << line;
        }
    }
}

TEST(FlowTable, Ipv6IsShortenedOnlyWhenNoColumnIsLeftToDrop) {
    const nlohmann::json flow =
        half_closed_flow("2001:db8:aaaa:bbbb:cccc:dddd:eeee:1111", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:2222");
    const auto narrow = flows_at(80, {flow});
    EXPECT_THAT(narrow[0], Not(HasSubstr("IDLE")));
    EXPECT_THAT(narrow[1], HasSubstr("…"));
    EXPECT_THAT(narrow[1], HasSubstr("1111]:40312"));
    EXPECT_THAT(flows_at(200, {flow}), Each(Not(HasSubstr("…"))));
    EXPECT_THAT(flows_at(200, {flow})[0], HasSubstr("PHASE"));
}

TEST(FlowTable, WithoutATerminalNothingIsLeftOut) {
    const nlohmann::json flow =
        half_closed_flow("2001:db8:aaaa:bbbb:cccc:dddd:eeee:1111", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:2222");
    const auto lines = flows_at(std::nullopt, {flow});
    EXPECT_THAT(lines[1], HasSubstr("[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1111]:40312"));
    EXPECT_THAT(lines[1], HasSubstr("watching"));
}

TEST(FlowTable, WhatIsNotKnownIsADash) {
    nlohmann::json flow = half_closed_flow();
    flow["closer"] = nullptr;
    flow["idle_s"] = nullptr;
    flow["expires_in_s"] = nullptr;
    EXPECT_THAT(flow_row(flow),
                ElementsAre("3f2a-17", "10.99.1.2:40312", "10.99.2.2:80", "fin-wait-2/close-wait", "-",
                            "1m11s", "-", "-", "default", "watching"));
    EXPECT_THAT(flow_row(nlohmann::json::object()), Each(Not(testing::IsEmpty())));
}

TEST(FlowTable, WhatTheSidesSeeStandsBehindTheirOwnAddresses) {
    nlohmann::json flow = half_closed_flow();
    flow["client"]["sees"] = {{"addr", "2001:db8::1"}, {"port", 8003}};
    flow["server"]["sees"] = nullptr;
    Row expected = flow_row(flow);
    expected.insert(expected.begin() + 3, {"[2001:db8::1]:8003", "-"});
    EXPECT_EQ(flow_row(flow, 1), expected);
    EXPECT_EQ(flow_row(half_closed_flow(), 1)[3], "-") << "an older daemon does not tell";
    const auto columns = flow_columns(1);
    EXPECT_EQ(columns.size(), expected.size());
    EXPECT_EQ(columns[3].title, "CLIENT SEES");
    EXPECT_EQ(columns[4].title, "SERVER SEES");
}

TEST(FlowTable, APolicyWhoseTimeoutIsOffSaysSo) {
    const Row row = policy_row({{"name", "default"}, {"match", ""}, {"fin_wait_2_s", nullptr}, {"flows", 3}});
    EXPECT_EQ(row.size(), policy_columns().size());
    EXPECT_EQ(row[1], "-");
    EXPECT_EQ(row[2], "off");
    EXPECT_EQ(row[4], "3");
}

TEST(PolicyNotes, SayNothingOfAPolicyThatHasDoneNothing) {
    EXPECT_EQ(policy_notes({{"name", "web"}}), "");
}

TEST(PolicyNotes, SayWhatIsToBeDoneAboutAStoppedPolicy) {
    EXPECT_THAT(
        policy_notes({{"name", "web"}, {"stopped", true}}),
        testing::HasSubstr("until \"finwaitctl policy --resume web\" it ends only what a side proves"));
}

TEST(PolicyNotes, TellHowObservedResetsTurnedOutAndHowLongHalfClosesLasted) {
    const nlohmann::json buckets = {{{"up_to_s", 1.0}, {"count", 60}},
                                    {{"up_to_s", 30.0}, {"count", 40}},
                                    {{"up_to_s", nullptr}, {"count", 0}}};
    const nlohmann::json beyond = {{{"up_to_s", 1.0}, {"count", 1}}, {{"up_to_s", nullptr}, {"count", 99}}};
    EXPECT_EQ(
        policy_notes({{"name", "web"},
                      {"on_expiry", "reset"},
                      {"observed", 9},
                      {"right", 5},
                      {"regret", 1},
                      {"undecided", 3},
                      {"lasted", buckets},
                      {"longest_idle", beyond},
                      {"suggested_fin_wait_2_s", 30.0}}),
        "web: time was up 9 times: a reset would have been right 5 times, once it would have hit a "
        "connection that "
        "went on, 3 not known (still open, or ended by finwaitd)\n"
        "web: 100 half-closes came to a good end; they lasted up to 1.0s (half of them), up to 30s (99 %); "
        "idle "
        "more than 1.0s (99 %); fin_wait_2 = \"30s\" would have let all but one in a thousand finish\n");
}

TEST(PolicyNotes, SayThatFinwaitdWouldHaveAskedFirst) {
    nlohmann::json policy = {{"name", "web"}, {"on_expiry", "probe"}, {"observed", 1}};
    EXPECT_THAT(policy_notes(policy), testing::EndsWith("; finwaitd would have asked both sides first, and "
                                                        "reset only on evidence\n"));
    policy["on_expiry"] = "observe";
    EXPECT_THAT(policy_notes(policy), testing::HasSubstr("; with on_expiry = \"probe\" finwaitd would have"));
}

TEST(PolicyNotes, OneHalfCloseIsOne) {
    const nlohmann::json once = {{{"up_to_s", 1.0}, {"count", 1}}};
    EXPECT_THAT(policy_notes({{"name", "web"}, {"lasted", once}, {"longest_idle", once}}),
                testing::StartsWith("web: 1 half-close came to a good end; it lasted up to 1.0s"));
}

TEST(Table, WritesAsSoonAsItHasMeasuredEnough) {
    Captured out;
    Table table({{"N", 0, true}}, std::nullopt, out.output());
    for (std::size_t i = 0; i + 1 < Table::kMeasured; ++i)
        table.add({"1"});
    EXPECT_EQ(out.text(), "");
    table.add({"22"});
    EXPECT_EQ(lines_of(out.text()).size(), Table::kMeasured + 1);
    table.add({"333"});
    table.finish();
    EXPECT_EQ(lines_of(out.text()).back(), "333");
    EXPECT_EQ(lines_of(out.text())[1], " 1");
}

TEST(Table, WithoutRowsThereIsNoTable) {
    Captured out;
    Table table(flow_columns(), 80, out.output());
    table.finish();
    EXPECT_EQ(out.text(), "");
}

TEST(JsonArray, IsOneArrayHoweverManyElements) {
    for (const std::size_t count : {0U, 1U, 3U}) {
        Captured out;
        JsonArray array(out.output());
        for (std::size_t i = 0; i < count; ++i)
            array.add(half_closed_flow().dump());
        array.finish();
        EXPECT_EQ(nlohmann::json::parse(out.text()).size(), count);
    }
}

TEST(JsonArray, ABrokenListingDoesNotParse) {
    Captured out;
    JsonArray array(out.output());
    array.add("{}");
    EXPECT_FALSE(nlohmann::json::accept(out.text()));
}

}  // namespace
}  // namespace finwait::ctl::test
