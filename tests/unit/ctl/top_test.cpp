// top without a terminal: what keys and news do to what is to be seen.
#include "ctl/support.hpp"
#include "ctl/top/model.hpp"
#include "ctl/top/view.hpp"

#include <fmt/format.h>

#include <gmock/gmock.h>

namespace finwait::ctl::top {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

json flow_with(int number) {
    json flow = test::half_closed_flow();
    flow["id"] = "f-" + std::to_string(number);
    flow["client"]["port"] = 10'000 + number;
    return flow;
}

json stats_at(std::uint64_t packets, std::uint64_t dropped = 0) {
    return {{"flows",
             {{"total", 5000},
              {"limit", 1000000},
              {"half_closed", 4000},
              {"fast_path", 900},
              {"opened", 7000},
              {"became_half_closed", 4100},
              {"by_state", {{"established", 2000}, {"fin-wait-2", 4000}, {"listen", 0}}}}},
            {"packets", {{"seen", packets}, {"invalid", 3}}},
            {"probes", {{"sent", 12}}},
            {"resets", {{"sent", 8}, {"confirmed", 3}, {"unconfirmed", 1}, {"refused", 0}}},
            {"queue", {{"dropped", dropped}}},
            {"mode", "enforce"},
            {"policies_stopped", json::array()},
            {"uptime_s", 71.0},
            {"version", "1.2.3"}};
}

class Top : public testing::Test {
  protected:
    /// Flows `first`, first + 1, … as the daemon would answer what is asked.
    void answer(int first, int count, std::size_t matched = 5000) {
        now += std::chrono::seconds(1);
        packets += 500;
        Snapshot snapshot{model.question(), {}, matched, stats_at(packets), now};
        for (int i = 0; i < count; ++i)
            snapshot.flows.push_back(flow_with(first + i));
        model.take(std::move(snapshot));
    }
    void type(std::string_view text) {
        for (const char c : text)
            model.press(typed(c));
    }
    [[nodiscard]] Picture picture() const { return picture_of(model, now); }
    [[nodiscard]] std::string all() const {
        std::string text;
        for (const Line& line : picture().lines)
            text += line.text + "\n";
        return text;
    }
    [[nodiscard]] std::string selected() const {
        for (const Line& line : picture().lines)
            if (line.style == Style::selected) return line.text.substr(0, line.text.find(' '));
        return {};
    }
    void open_one() {
        answer(1, 5);
        model.press(Key::enter);
        model.take(FlowText{"f-1", flow_with(1), {"It is half-closed", "and so on"}});
    }

    Model model{""};
    Clock::time_point now{std::chrono::hours(1)};
    std::uint64_t packets = 0;
};

TEST_F(Top, AScreenIsFilledExactlyWhateverItsSize) {
    answer(1, 50);
    for (const std::size_t rows : {1U, 2U, 5U, 10U, 24U, 60U}) {
        for (const std::size_t columns : {1U, 20U, 80U, 200U}) {
            model.resize({rows, columns});
            for (const char page : {' ', '?', '/'}) {
                model.press(typed(page));
                const Picture seen = picture();
                EXPECT_EQ(seen.lines.size(), rows) << columns;
                for (const Line& line : seen.lines)
                    EXPECT_LE(line.text.size(), columns + 2) << line.text;  // an ellipsis has three bytes
                if (seen.cursor) {
                    EXPECT_LT(seen.cursor->row, rows);
                    EXPECT_LT(seen.cursor->column, columns);
                }
                model.press(Key::escape);
            }
        }
    }
}

TEST_F(Top, AnEightyByTwentyFourScreenHasTheFiguresTheTitlesAndTheFlows) {
    answer(1, 50);
    answer(1, 50);
    const auto lines = picture().lines;
    EXPECT_EQ(lines[0].text, "finwaitd 1.2.3, enforce, up 1m11s, 0s old");
    EXPECT_EQ(lines[1].text, "Flows 5000 of 1000000  half-closed 4000 (+0/s)  fast path 900  opened 0/s");
    EXPECT_EQ(lines[2].text, "Sides fin-wait-2 4000, established 2000");
    EXPECT_EQ(lines[3].text, "Resets 8 (0/s)  confirmed 3  unconfirmed 1  refused 0  probes 12 (0/s)");
    EXPECT_EQ(lines[4].text, "Packets 500/s  invalid 3  queue drops 0 (0/s)");
    EXPECT_EQ(lines[5].text, "Filter: all flows  5000 match  sorted by idle, descending");
    EXPECT_THAT(lines[6].text, HasSubstr("IDLE v"));
    EXPECT_EQ(lines[6].style, Style::title);
    EXPECT_THAT(lines[7].text, StartsWith("f-1 "));
    EXPECT_THAT(lines[22].text, StartsWith("f-16 "));
    EXPECT_THAT(lines[23].text, HasSubstr("1/5000"));
}

TEST_F(Top, QueueDropsAndStoppedPoliciesStandOut) {
    answer(1, 1);
    Snapshot snapshot{model.question(), {}, 0, stats_at(1, 7), now};
    snapshot.stats["policies_stopped"] = {"web"};
    model.take(std::move(snapshot));
    const auto lines = picture().lines;
    EXPECT_THAT(lines[0].text, HasSubstr("STOPPED: web"));
    EXPECT_EQ(lines[0].style, Style::bad);
    EXPECT_EQ(lines[4].style, Style::bad);
}

TEST_F(Top, ASmallScreenKeepsTheFilterAndSomeFlows) {
    answer(1, 50);
    model.resize({9, 60});
    EXPECT_THAT(all(), HasSubstr("Filter: all flows"));
    EXPECT_THAT(all(), HasSubstr("f-4 "));
}

TEST_F(Top, HowOldTheScreenIsGoesOn) {
    answer(1, 1);
    now += std::chrono::seconds(12);
    EXPECT_THAT(all(), HasSubstr("12s old"));
}

TEST_F(Top, TheCursorScrollsAndAsksForMoreAsItGoes) {
    answer(1, 50);
    EXPECT_EQ(model.question().limit, 50U);
    EXPECT_EQ(selected(), "f-1");
    model.press(Key::up);
    EXPECT_EQ(selected(), "f-1");
    for (int i = 0; i < 20; ++i)
        model.press(Key::down);
    EXPECT_EQ(selected(), "f-21");
    EXPECT_EQ(model.question().limit, 100U);
    model.press(Key::end);
    EXPECT_EQ(selected(), "f-50");
    model.press(Key::down);
    EXPECT_EQ(selected(), "f-50");
    model.press(Key::page_up);
    EXPECT_EQ(selected(), "f-34");
    model.press(Key::home);
    EXPECT_EQ(selected(), "f-1");
    EXPECT_EQ(model.question().limit, 50U);
}

TEST_F(Top, NeverMoreIsAskedForThanAnybodyScrollsThrough) {
    answer(1, 1000, 1'000'000);
    for (int i = 0; i < 1000; ++i)
        model.press(Key::page_down);
    EXPECT_EQ(model.question().limit, Model::kMostFlows);
}

TEST_F(Top, TheCursorStaysOnItsFlowWhenTheOrderChanges) {
    answer(10, 20);
    for (int i = 0; i < 3; ++i)
        model.press(Key::down);
    EXPECT_EQ(selected(), "f-13");
    answer(5, 20);
    EXPECT_EQ(selected(), "f-13");
    answer(100, 2);  // it is gone
    EXPECT_EQ(selected(), "f-101");
}

TEST_F(Top, AtTheTopTheCursorStaysThere) {
    answer(10, 20);
    answer(5, 20);
    EXPECT_EQ(selected(), "f-5");
}

TEST_F(Top, TheOrderGoesThroughTheColumnsAndIsReversed) {
    model.press(typed('>'));
    EXPECT_EQ(model.question().sort, "expires");
    EXPECT_FALSE(model.question().descending);
    model.press(typed('r'));
    EXPECT_TRUE(model.question().descending);
    for (int i = 0; i < 3; ++i)
        model.press(typed('>'));
    EXPECT_EQ(model.question().sort, "client");
    model.press(typed('<'));
    EXPECT_EQ(model.question().sort, "phase");
    answer(1, 5);
    EXPECT_THAT(all(), HasSubstr("PHASE ^"));  // which 80 columns have no room for otherwise
}

TEST_F(Top, AFilterIsTypedInPlaceAndPutInForceByEnter) {
    answer(1, 5);
    type("/port 443 and");
    EXPECT_EQ(model.question().filter, "");
    EXPECT_THAT(all(), HasSubstr("Filter: port 443 and\n"));
    ASSERT_TRUE(picture().cursor);
    EXPECT_EQ(picture().cursor->row, 5U);
    EXPECT_EQ(picture().cursor->column, std::string("Filter: port 443 and").size());
    type(" idle > 5m");
    model.press(Key::enter);
    EXPECT_EQ(model.question().filter, "port 443 and idle > 5m");
    EXPECT_FALSE(picture().cursor);
    EXPECT_THAT(all(), HasSubstr("(asking)"));
}

TEST_F(Top, AnErrorStandsBelowItsColumnWhileTheOldFilterStaysInForce) {
    answer(1, 5);
    type("/port 80 and nonsense");
    model.press(Key::enter);
    EXPECT_EQ(model.question().filter, "");
    const auto lines = picture().lines;
    EXPECT_EQ(lines[5].text, "Filter: port 80 and nonsense");
    EXPECT_EQ(lines[6].text, "                    ^");
    EXPECT_EQ(lines[5].text.find("nonsense"), lines[6].text.find('^'));
    EXPECT_THAT(lines[7].text, StartsWith("found \"nonsense\"; allowed:"));
    EXPECT_THAT(all(), HasSubstr("f-1 "));
    model.press(Key::backspace);
    EXPECT_THAT(all(), Not(HasSubstr("allowed:")));
    model.press(Key::escape);
    EXPECT_EQ(model.question().filter, "");
    EXPECT_FALSE(model.typing());
}

TEST_F(Top, KeysThatMeanSomethingElsewhereAreTextWhileAFilterIsTyped) {
    type("/q?/<>rK");
    ASSERT_TRUE(model.typing());
    EXPECT_EQ(model.typing()->text(), "q?/<>rK");
}

TEST_F(Top, ATypedTextIsChangedInTheMiddle) {
    type("/porrt");
    model.press(Key::left);
    model.press(Key::backspace);
    EXPECT_EQ(model.typing()->text(), "port");
    model.press(Key::home);
    model.press(Key::erase);
    EXPECT_EQ(model.typing()->text(), "ort");
    type("\xc3\xa4");
    model.press(Key::backspace);
    EXPECT_EQ(model.typing()->text(), "ort");
    model.press(Key::clear_line);
    EXPECT_EQ(model.typing()->text(), "");
}

TEST_F(Top, ALongFilterIsSeenAroundItsCursor) {
    type("/" + std::string(200, 'x') + "end");
    const Picture seen = picture();
    ASSERT_TRUE(seen.cursor);
    EXPECT_EQ(seen.cursor->column, 79U);
    EXPECT_THAT(seen.lines[seen.cursor->row].text, testing::EndsWith("end"));
}

TEST_F(Top, AnEmptyListSaysWhy) {
    answer(1, 0, 0);
    EXPECT_THAT(all(), HasSubstr("There are no flows."));
    EXPECT_EQ(model.press(Key::enter), Effect::none);
    EXPECT_EQ(model.page(), Page::list);
    type("/port 1");
    model.press(Key::enter);
    answer(1, 0, 0);
    EXPECT_THAT(all(), HasSubstr("No flow matches."));
}

TEST_F(Top, AFlowIsOpenedAndClosed) {
    answer(1, 5);
    model.press(Key::down);
    model.press(Key::enter);
    EXPECT_EQ(model.opened(), "f-2");
    EXPECT_THAT(all(), HasSubstr("Flow f-2  asking"));
    model.take(FlowText{"f-1", flow_with(1), {"of another one"}});
    EXPECT_THAT(all(), Not(HasSubstr("of another one")));
    model.take(FlowText{"f-2", flow_with(2), {"It is half-closed"}});
    EXPECT_THAT(all(), HasSubstr("Flow f-2  10.99.1.2:10002 > 10.99.2.2:80\nIt is half-closed\n"));
    model.press(Key::escape);
    EXPECT_FALSE(model.opened());
    EXPECT_EQ(selected(), "f-2");
}

TEST_F(Top, ALongTextScrollsToItsEndAndNoFurther) {
    open_one();
    std::vector<std::string> lines;
    for (int i = 0; i < 40; ++i)
        lines.push_back(fmt::format("line {}", i));
    model.take(FlowText{"f-1", flow_with(1), lines});
    model.press(Key::end);
    EXPECT_THAT(all(), HasSubstr("line 39\n"));
    EXPECT_EQ(picture().lines[1].text, "line 18");
    model.press(Key::page_down);
    EXPECT_EQ(picture().lines[1].text, "line 18");
    model.take(FlowText{"f-1", flow_with(1), {"short"}});
    EXPECT_EQ(picture().lines[1].text, "short");
}

TEST_F(Top, LongSentencesAreBrokenAtBlanks) {
    open_one();
    const std::string sentence = "  " + std::string(50, 'a') + " " + std::string(40, 'b') + " c";
    model.take(FlowText{"f-1", flow_with(1), {sentence, std::string(100, 'd')}});
    const auto lines = picture().lines;
    EXPECT_EQ(lines[1].text, "  " + std::string(50, 'a'));
    EXPECT_EQ(lines[2].text, "    " + std::string(40, 'b') + " c");
    EXPECT_EQ(lines[3].text, std::string(80, 'd'));
    EXPECT_EQ(lines[4].text, "  " + std::string(20, 'd'));
}

TEST_F(Top, AFlowIsEndedOnlyAfterAYes) {
    open_one();
    for (const Key no : {typed('n'), Key(Key::enter), Key(Key::escape), typed('K'), typed(' ')}) {
        EXPECT_EQ(model.press(typed('K')), Effect::none);
        EXPECT_THAT(picture().lines.back().text, HasSubstr("Really end this connection"));
        EXPECT_EQ(model.press(no), Effect::none);
        EXPECT_FALSE(model.confirming());
        EXPECT_EQ(model.page(), Page::flow);
    }
    model.press(typed('K'));
    EXPECT_EQ(model.press(typed('y')), Effect::end_flow);
    EXPECT_THAT(picture().lines.back().text, HasSubstr("asking for its end"));
}

TEST_F(Top, AnEndIsNotAskedForTwiceAndItsOutcomeIsShown) {
    open_one();
    model.press(typed('K'));
    model.press(typed('y'));
    model.press(typed('K'));
    EXPECT_FALSE(model.confirming());
    model.take(EndNews{"f-1", Fate::confirmed, "The reset is confirmed"});
    EXPECT_EQ(picture().lines.back(), (Line{"The reset is confirmed", Style::good}));
    model.take(EndNews{"f-1", Fate::refused, "The reset is refused"});
    EXPECT_EQ(picture().lines.back().style, Style::bad);
    model.press(typed('K'));
    EXPECT_TRUE(model.confirming());
}

TEST_F(Top, AFlowThatIsGoneKeepsItsTextAndCannotBeEnded) {
    open_one();
    model.press(typed('K'));
    model.take(FlowText{"f-1", nullptr, {}});
    EXPECT_FALSE(model.confirming());
    EXPECT_THAT(all(), HasSubstr("Flow f-1  is gone"));
    EXPECT_THAT(all(), HasSubstr("It is half-closed"));
    model.press(typed('K'));
    EXPECT_FALSE(model.confirming());
}

TEST_F(Top, ADaemonThatIsAwayIsSaidAndWhatWasKnownStays) {
    answer(1, 5);
    now += std::chrono::seconds(12);
    model.take(Trouble{"cannot reach finwaitd at /run/x"});
    EXPECT_EQ(picture().lines[0].text, "12s old; cannot reach finwaitd at /run/x; trying again");
    EXPECT_EQ(picture().lines[0].style, Style::bad);
    EXPECT_THAT(all(), HasSubstr("f-1 "));
    answer(1, 5);
    EXPECT_THAT(all(), Not(HasSubstr("cannot reach")));
}

TEST_F(Top, ADaemonThatBeganAnewHasNoRates) {
    answer(1, 5);
    packets = 0;
    now += std::chrono::seconds(1);
    model.take(Snapshot{model.question(), {}, 0, stats_at(10), now});
    EXPECT_THAT(all(), HasSubstr("Packets -"));
}

TEST_F(Top, HelpIsReadAndLeft) {
    model.press(typed('?'));
    EXPECT_THAT(all(), HasSubstr("Ctrl-L"));
    EXPECT_EQ(model.press(typed('q')), Effect::none);
    EXPECT_EQ(model.page(), Page::list);
    EXPECT_EQ(model.press(typed('q')), Effect::quit);
}

TEST_F(Top, HelpFitsEightyColumns) {
    for (const std::string& line : help_lines())
        EXPECT_LE(line.size(), 80U) << line;
}

}  // namespace
}  // namespace finwait::ctl::top
