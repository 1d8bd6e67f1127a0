// Why a flow stands as it does, and what is foretold of it.
#include "support/path.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Options with(policy::Timeouts t, std::vector<policy::Policy> named = {}) {
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet(std::move(named), t);
    return options;
}

policy::Timeouts asking() {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(30);
    t.on_expiry = policy::OnExpiry::probe;
    t.probe_interval = seconds(2);
    t.probe_attempts = 3;
    return t;
}

policy::Timeouts resetting() {
    policy::Timeouts t = asking();
    t.on_expiry = policy::OnExpiry::reset;
    return t;
}

Explanation explained(const Path& path) {
    const auto found = path.engine.explain(path.now, path.flow().id);
    EXPECT_TRUE(found);
    return found.value_or(Explanation{});
}

/// "30.0 ask client server 1": when, what, whom, which attempt.
std::vector<std::string> told(const std::vector<Prospect>& prospects) {
    std::vector<std::string> out;
    for (const Prospect& p : prospects) {
        const auto tenths = std::chrono::duration_cast<milliseconds>(p.in).count() / 100;
        std::string text =
            std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " " + std::string(name(p.turn));
        if (p.side[0]) text += " client";
        if (p.side[1]) text += " server";
        if (p.attempt > 0) text += " " + std::to_string(p.attempt);
        if (p.hindrance != Hindrance::none) text += " " + std::string(name(p.hindrance));
        out.push_back(text);
    }
    return out;
}

TEST(Explain, AFlowThatIsNotThereHasNoExplanation) {
    const Path path(all_packets());
    EXPECT_FALSE(path.engine.explain(path.now, {0, 1}));
}

TEST(Explain, WhileItIsWatchedBothWaysOutAreForetold) {
    Path path(with(asking()));
    path.client_half_closed();
    path.wait(seconds(10));
    const Explanation e = explained(path);
    EXPECT_EQ(e.stage, "half-closed");
    EXPECT_EQ(e.half_closed, seconds(10));
    EXPECT_EQ(e.hindrance, Hindrance::none);
    EXPECT_THAT(told(e.unanswered), ElementsAre("20.0 ask client server 1", "22.0 ask client server 2",
                                                "24.0 ask client server 3", "26.0 count_silent client server",
                                                "26.0 reset client server 1", "26.6 unconfirmed"));
    EXPECT_THAT(told(e.answered), ElementsAre("20.0 ask client server 1", "20.0 leave client server",
                                              "920.0 ask client server 1"));
}

TEST(Explain, WhatIsForetoldIsWhatHappens) {
    Path path(with(asking()));
    path.client_half_closed();
    path.wait(seconds(31));
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::drop);
    path.wait(milliseconds(900));
    const Explanation e = explained(path);
    EXPECT_EQ(e.side[0].evidence, flow::Evidence::alive);
    EXPECT_EQ(e.side[0].answered, milliseconds(900));
    EXPECT_EQ(e.side[1].asked, milliseconds(1900));
    EXPECT_EQ(e.side[1].probes, 1);
    EXPECT_TRUE(e.side[1].outstanding);
    EXPECT_FALSE(e.side[1].answered);
    EXPECT_EQ(e.in_phase, milliseconds(1900));
    ASSERT_THAT(told(e.unanswered),
                ElementsAre("0.1 ask server 2", "2.1 ask server 3", "4.1 count_silent server",
                            "4.1 reset client server 1", "4.7 confirm client 1", "5.7 confirm client 2",
                            "6.7 confirm client 3", "7.7 unconfirmed"));
    path.wait(milliseconds(4090));
    EXPECT_THAT(path.resets(), IsEmpty());
    path.wait(milliseconds(20));
    EXPECT_EQ(path.resets().size(), 2U);
    path.wait(milliseconds(3580));
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::confirming);
    path.wait(milliseconds(20));
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::gone);
}

TEST(Explain, OfAFlowThatWasLeftTheAnswersAreRemembered) {
    Path path(with(asking()));
    path.client_half_closed();
    path.wait(seconds(31));
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(seconds(60));
    const Explanation e = explained(path);
    EXPECT_EQ(e.reason, "both sides are there: a legitimate half-close");
    EXPECT_EQ(e.side[0].answered, seconds(60));
    EXPECT_EQ(e.side[1].answered, seconds(60));
    EXPECT_EQ(told(e.unanswered).front(), "840.0 ask client server 1");
    EXPECT_EQ(path.probes().size(), 2U) << "to explain does nothing";
}

TEST(Explain, ThePartsOfTheMatchAndThePoliciesPassedOver) {
    const auto filter = [](std::string_view text) {
        return std::get<policy::Filter>(policy::Filter::parse(text));
    };
    Path path(with(asking(), {{"ssh", filter("port 22"), asking()},
                              {"web", filter("server 10.0.0.0/8 and (port 443 or port 80)"), resetting()},
                              {"more", filter("port 80"), asking()}}));
    path.client_half_closed();
    const Explanation e = explained(path);
    EXPECT_EQ(e.policy.policy.name, "web");
    EXPECT_TRUE(e.policy.matches);
    ASSERT_EQ(e.policy.terms.size(), 3U);
    EXPECT_FALSE(e.policy.terms[1].holds);
    EXPECT_TRUE(e.policy.terms[2].decides);
    ASSERT_EQ(e.passed_over.size(), 1U);
    EXPECT_EQ(e.passed_over[0].policy.name, "ssh");
    EXPECT_FALSE(e.passed_over[0].matches);
}

TEST(Explain, DataInFlightIsInTheWayOfAReset) {
    Path path(with(resetting()));
    path.client_half_closed();
    path.server(data(5001, 1002, 10));
    path.wait(seconds(5));
    const Explanation e = explained(path);
    EXPECT_EQ(e.hindrance, Hindrance::data_in_flight);
    EXPECT_EQ(e.side[1].unacknowledged, 10);
    EXPECT_EQ(e.side[0].unacknowledged, 0);
    EXPECT_THAT(told(e.unanswered), ElementsAre("25.0 look_again data_in_flight"));
}

TEST(Explain, AfterAResetTheEndIsForetold) {
    Path path(with(resetting()));
    path.client_half_closed();
    path.wait(milliseconds(30100));
    const Explanation e = explained(path);
    EXPECT_EQ(e.flow.subject.phase, policy::Phase::confirming);
    EXPECT_EQ(e.rounds, 1);
    EXPECT_TRUE(e.side[0].target && e.side[1].target);
    EXPECT_THAT(told(e.answered), ElementsAre("0.5 confirm client server 1", "0.5 confirmed"));
}

TEST(Explain, AnEstablishedFlowOnTheFastPathIsForgottenInTheEnd) {
    Path path(selective());
    path.handshake();
    const Explanation e = explained(path);
    EXPECT_EQ(e.stage, "established");
    EXPECT_TRUE(e.flow.fast_path);
    EXPECT_EQ(e.hindrance, Hindrance::numbers_unknown);
    EXPECT_FALSE(e.side[0].unacknowledged);
    EXPECT_THAT(told(e.unanswered), ElementsAre("432000.0 forget"));
}

TEST(Explain, ASignedFlowIsNeverActedOn) {
    Path path(with(asking()));
    const auto is_signed = [](tcp::Segment s) {
        s.options |= tcp::option::md5;
        return s;
    };
    path.client(is_signed(syn(1000)));
    path.server(is_signed(syn_ack(5000, 1001)));
    path.client(is_signed(ack(1001, 5001)));
    path.client(is_signed(fin(1001, 5001)));
    path.server(is_signed(ack(5001, 1002)));
    const Explanation e = explained(path);
    EXPECT_EQ(e.hindrance, Hindrance::untouchable);
    EXPECT_TRUE(e.side[0].is_signed);
    EXPECT_EQ(e.unanswered.front().turn, Turn::look_again);
}

TEST(Explain, WhereNothingMayBeSentItIsRecordedOnce) {
    Options options = with(resetting());
    options.tuning.observe = true;
    Path path(std::move(options));
    path.client_half_closed();
    EXPECT_THAT(told(explained(path).unanswered), ElementsAre("30.0 record"));
    path.wait(seconds(31));
    const Explanation e = explained(path);
    EXPECT_TRUE(e.observing);
    EXPECT_EQ(e.unanswered.front().turn, Turn::forget);
}

TEST(Explain, AFinThatNobodyAcknowledgesWillBeTakenBackOnTheFastPathAndForgottenOtherwise) {
    Path path(with(resetting()));
    path.handshake();
    path.client(fin(1001, 5001));
    const Explanation e = explained(path);
    EXPECT_EQ(e.stage, "fin-wait-1");
    ASSERT_EQ(e.unanswered.size(), 1U);
    EXPECT_EQ(e.unanswered.front().in, std::chrono::minutes(4));
}

TEST(Kill, TheReportTellsWhetherAFlowCanBeEndedAndHowItWas) {
    Path path(with(asking()));
    path.client_half_closed();
    EXPECT_EQ(path.flow().cannot_end, "");
    EXPECT_EQ(path.flow().outcome, flow::Outcome::none);
    EXPECT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested);
    path.wait(milliseconds(800));
    path.client(rst(1002));
    path.server(rst(5001));
    path.wait(milliseconds(10));
    EXPECT_EQ(path.flow().outcome, flow::Outcome::confirmed);
    EXPECT_EQ(path.flow().cannot_end, name(KillResult::already_closed));
}

TEST(Kill, ASideThatOutlivesEveryRstIsReportedAsRefused) {
    Path path(with(asking()));
    path.client_half_closed();
    ASSERT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested);
    for (int i = 0; i < 20 && path.flow().outcome == flow::Outcome::none; ++i) {
        path.wait(milliseconds(700));
        path.client(ack(1002, 5001));
    }
    EXPECT_EQ(path.flow().outcome, flow::Outcome::refused);
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::watching);
    path.wait(std::chrono::minutes(15) + seconds(8));
    EXPECT_EQ(path.flow().outcome, flow::Outcome::unconfirmed) << "asked anew, and silent now";
}

TEST(Kill, ARequestOutlastsTheHalfClose) {
    Path path(all_packets());
    path.handshake();
    ASSERT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested);
    path.client(fin(1001, 5001));
    path.server(ack(5001, 1002));
    path.wait(milliseconds(150));
    EXPECT_EQ(path.resets().size(), 2U);
}

TEST(Kill, OnTheFastPathItIsRefusedAsTheReportSays) {
    Path path(selective());
    path.handshake();
    EXPECT_EQ(path.flow().cannot_end, name(KillResult::not_exact));
    EXPECT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::not_exact);
}

}  // namespace
}  // namespace finwait::engine::testing
