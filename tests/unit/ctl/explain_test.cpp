// The sentences of an explanation.
#include "ctl/explain_next.hpp"
#include "ctl/explain_text.hpp"
#include "ctl/support.hpp"

#include <gmock/gmock.h>

namespace finwait::ctl::test {
namespace {

using nlohmann::json;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

json step(const char* name, double in, std::vector<std::string> sides, const char* reason = nullptr) {
    json out = {{"step", name}, {"in_s", in}, {"sides", sides}};
    if (reason != nullptr) out["reason"] = reason;
    return out;
}

json ask(double in, std::vector<std::string> sides, int attempt) {
    json out = step("ask", in, std::move(sides));
    out["attempt"] = attempt;
    return out;
}

/// The client lives, the server has been asked twice.
json probing() {
    json flow = half_closed_flow();
    flow["phase"] = "probing";
    flow["sides"] = {{"client", {{"next", 1002}, {"exact", true}}},
                     {"server", {{"next", 7}, {"exact", true}}}};
    return {
        {"flow", flow},
        {"stage", "half-closed"},
        {"half_closed_s", 71.0},
        {"policy",
         {{"name", "web"},
          {"matches", true},
          {"terms",
           {{{"text", "server 10.0.0.0/8"}, {"holds", true}, {"decides", true}},
            {{"text", "port 443"}, {"holds", false}, {"decides", false}}}},
          {"fin_wait_2_s", 30.0},
          {"fin_wait_2_max_s", nullptr},
          {"on_expiry", "probe"},
          {"probe_attempts", 5}}},
        {"passed_over",
         {{{"name", "ssh"},
           {"matches", false},
           {"terms", {{{"text", "port 22"}, {"holds", false}, {"decides", true}}}}}}},
        {"mode", "enforce"},
        {"in_phase_s", 18.2},
        {"reason", "its time is up: both sides are asked"},
        {"requested", false},
        {"rounds", 0},
        {"evidence",
         {{"client", {{"evidence", "alive"}, {"probes", 1}, {"asked_s", 18.2}, {"answered_s", 18.1}}},
          {"server", {{"evidence", "unknown"}, {"probes", 2}, {"asked_s", 3.2}}}}},
        {"hindrance", nullptr},
        {"next",
         {ask(11.8, {"server"}, 3), ask(26.8, {"server"}, 4), ask(41.8, {"server"}, 5),
          step("count_silent", 56.8, {"server"}), step("reset", 56.8, {"client", "server"}, "no answer")}},
        {"if_answered",
         {ask(11.8, {"server"}, 3), step("leave", 11.8, {"client", "server"}, "both live"),
          ask(911.8, {"client", "server"}, 1)}}};
}

std::string text_of(const json& explanation) {
    Captured out;
    print_explanation(explanation, out.output());
    return out.text();
}

TEST(Explain, TellsWhatComesWithAnAnswerAndWithout) {
    EXPECT_THAT(
        next_sentences(probing()),
        ElementsAre("In 12s the server is asked again (attempt 3 of 5).",
                    "Without an answer: after 3 more unanswered attempts the server counts as silent "
                    "(in 57s), and then both sides are reset: no answer.",
                    "If the server answers: the flow is left alone: both live. Then it is asked again in "
                    "15m12s, unless it makes progress."));
}

TEST(Explain, CountsTheAttemptsOfEachSideAndOfEachInquiryForItself) {
    json e = probing();
    e["next"] = {ask(1.0, {"client"}, 2),
                 ask(2.0, {"server"}, 2),
                 ask(3.0, {"client"}, 3),
                 ask(4.0, {"server"}, 3),
                 ask(9.0, {"client", "server"}, 1),
                 ask(10.0, {"client", "server"}, 2),
                 step("count_silent", 11.0, {"client"}),
                 step("leave", 11.0, {"client", "server"}, "nobody knows")};
    EXPECT_EQ(
        next_sentences(e)[1],
        "Without an answer: after 2 more unanswered attempts both sides are asked from the first attempt "
        "again (in 9.0s); after 2 unanswered attempts the client counts as silent (in 11s), and then "
        "the flow is left alone: nobody knows.");
}

TEST(Explain, NamesThePolicyThePartsOfItsMatchAndTheEvidence) {
    const std::string text = text_of(probing());
    EXPECT_THAT(text, StartsWith("Flow 3f2a-17: client 10.99.1.2:40312 (fin-wait-2), server 10.99.2.2:80 "));
    EXPECT_THAT(text, HasSubstr("  web is in force, the first whose match holds:\n"
                                "    yes  server 10.0.0.0/8  (decides)\n    no   port 443\n"));
    EXPECT_THAT(text, HasSubstr("ssh before it does not match, because of: port 22\n"));
    EXPECT_THAT(text, HasSubstr("The client answered a probe 18s ago: it is there.\n"));
    EXPECT_THAT(text, HasSubstr("The server was asked 2 of 5 times, last 3.2s ago, no answer.\n"));
    EXPECT_THAT(text, HasSubstr("ended now\n  It is being asked: "));
}

TEST(Explain, SaysThatTheTimeOfAnObservedFlowIsUp) {
    json e = probing();
    e["flow"]["phase"] = "watching";
    e["flow"]["expires_in_s"] = nullptr;
    e["in_phase_s"] = nullptr;
    e["mode"] = "observe";
    EXPECT_THAT(hindrance_sentences(e)[0],
                StartsWith("Its time is up, and what would have been done is recorded"));
}

TEST(Explain, SaysWhatIsInTheWay) {
    json e = probing();
    e["flow"]["phase"] = "watching";
    e["in_phase_s"] = nullptr;
    e["hindrance"] = "data_in_flight";
    e["evidence"]["server"]["unacknowledged"] = 4096;
    e["mode"] = "observe";
    e["flow"]["idle_s"] = 11.0;
    EXPECT_THAT(hindrance_sentences(e),
                ElementsAre("Its time is not up: it may stay without progress for 30s, and has for 11s.",
                            "Data is in flight: 4096 bytes from the server have not been acknowledged, and a "
                            "reset could destroy them.",
                            "finwaitd only observes (mode = \"observe\"): it sends nothing by itself."));
    e["hindrance"] = "untouchable";
    e["evidence"]["client"]["signed"] = true;
    EXPECT_THAT(hindrance_sentences(e)[1], StartsWith("The client signs its segments (TCP-MD5 or TCP-AO)"));
    e["sequence_shift"] = true;
    EXPECT_THAT(hindrance_sentences(e)[1], StartsWith("This machine changes its sequence numbers"));
    EXPECT_THAT(hindrance_sentences(e), Each(Not(HasSubstr("signs its segments"))));
    e["sequence_shift"] = false;
    e["shared_ends"] = true;
    EXPECT_THAT(hindrance_sentences(e)[1], StartsWith("Another connection has the same two ends"));
    e["shared_ends"] = false;
    e["hindrance"] = "numbers_unknown";
    e["flow"]["sides"]["server"]["exact"] = false;
    EXPECT_THAT(hindrance_sentences(e)[1], HasSubstr("wait for the next segment of the server"));
    e["flow"]["fast_path"] = true;
    EXPECT_THAT(hindrance_sentences(e)[1], HasSubstr("fast path"));
    e["hindrance"] = "on_hold";
    EXPECT_THAT(hindrance_sentences(e)[1], HasSubstr("before they are put back"));
}

TEST(Explain, OfAResetTheCourseIsTold) {
    json e = probing();
    e["next"] = {step("reset", 4.0, {"client", "server"}, "idle for fin_wait_2"),
                 step("unconfirmed", 8.6, {})};
    e["if_answered"] = {step("reset", 4.0, {"client", "server"}, "idle for fin_wait_2"),
                        step("confirm", 4.6, {"client", "server"}), step("confirmed", 4.6, {})};
    EXPECT_THAT(next_sentences(e),
                ElementsAre("In 4.0s both sides are reset: idle for fin_wait_2.",
                            "In 4.6s a probe to both sides makes sure that nobody is left there.",
                            "In 4.6s its end is confirmed."));
}

TEST(Explain, OfAFlowThatIsOnlyObservedSaysThatNothingIsSent) {
    for (const bool by_policy : {false, true}) {
        json e = probing();
        e["flow"]["phase"] = "watching";
        e["in_phase_s"] = e["reason"] = nullptr;
        for (const char* const role : {"client", "server"})
            e["evidence"][role] = {{"evidence", "unknown"}, {"probes", 0}};
        e[by_policy ? "policy" : "mode"] = by_policy ? json(e["policy"]) : json("observe");
        if (by_policy) e["policy"]["on_expiry"] = "observe";
        e["policy"]["fin_wait_2_max_s"] = 7200.0;
        const std::string text = text_of(e);
        EXPECT_THAT(text,
                    HasSubstr(std::string(by_policy ? "It only observes (on_expiry)"
                                                    : "finwaitd only observes (mode)") +
                              ": of a flow that is half-closed without progress for 30s, or for 2h in all it "
                              "records that its time was up, and neither probes nor ends it."));
        EXPECT_EQ(
            text.find("Otherwise it would ask both sides first, and reset only on evidence.") != text.npos,
            !by_policy);
        EXPECT_THAT(text, HasSubstr("None: where finwaitd only observes, it probes nobody.\n"));
        EXPECT_THAT(text, Not(HasSubstr("a flow is asked")));
        EXPECT_THAT(text, Not(HasSubstr("ended in any case")));
        e["next"] = {step("look_again", 4.0, {})};
        e["if_answered"] = json::array();
        EXPECT_THAT(next_sentences(e)[0], StartsWith("In 4.0s it would be recorded"));
    }
}

TEST(Explain, OfAWithdrawnReportItSaysWhatHappened) {
    json e = probing();
    e["flow"]["phase"] = "watching";
    e["flow"]["closer"] = e["in_phase_s"] = e["reason"] = nullptr;
    e["stage"] = "established";
    for (const char* const role : {"client", "server"}) {
        e["flow"][role]["state"] = "unknown";
        e["flow"]["history"].push_back({{"side", role}, {"state", "unknown"}, {"segment", nullptr}});
    }
    e["next"] = {step("forget", 900.0, {})};
    e["if_answered"] = json::array();
    const std::string text = text_of(e);
    EXPECT_THAT(
        text,
        HasSubstr("\nIt is in an unknown state (conntrack reported it half-closed, no reply confirmed that"));
    EXPECT_THAT(text, Not(HasSubstr("It is established")));
    EXPECT_THAT(hindrance_sentences(e)[0], StartsWith("It is not known to be half-closed"));
    EXPECT_THAT(
        next_sentences(e),
        ElementsAre("In 15m finwaitd probes both sides about conntrack's report again, unless the flow is "
                    "forgotten before."));
    e["flow"]["history"].clear();
    EXPECT_THAT(text_of(e),
                HasSubstr("\nIt is in a state that is not fully known yet, has been followed for "));
}

TEST(Explain, StandsWhateverIsMissing) {
    EXPECT_FALSE(text_of(json::object()).empty());
    EXPECT_FALSE(text_of({{"flow", half_closed_flow()}}).empty());
}

}  // namespace
}  // namespace finwait::ctl::test
