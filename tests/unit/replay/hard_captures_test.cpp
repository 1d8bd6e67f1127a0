// Captures that are easily read wrongly: with frames missing or in the wrong order, of one side alone, begun
// midway, with RSTs that were not taken, or with long retransmission timeouts. Each of them with IPv4 and
// IPv6.

#include "replay/support.hpp"

namespace finwait::replay::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

/// One packet: who sent it, what, and how long after the one before it.
struct Said {
    bool by_client;
    tcp::Segment segment;
    double after = 0.02;
};
constexpr bool kClient = true;
constexpr bool kServer = false;

class HardCapture : public ::testing::TestWithParam<bool> {
  protected:
    [[nodiscard]] static Replayed replay(const std::vector<Said>& dialogue) {
        const PcapFile file(link::raw);
        const Hosts hosts = GetParam() ? ipv6_hosts() : Hosts{};
        double at = 0;
        for (const Said& said : dialogue) {
            at += said.after;
            file.add(at, said.by_client ? hosts.from_client(said.segment) : hosts.from_server(said.segment));
        }
        Replayed replayed(file.path());
        EXPECT_EQ(replayed.problem, "");
        EXPECT_EQ(replayed.replay.counts().refused(), 0U);
        return replayed;
    }
    [[nodiscard]] static std::vector<std::string> ends(const std::vector<Said>& dialogue) {
        return replay(dialogue).ends();
    }
};

std::vector<Said> after_handshake(const std::vector<Said>& more) {
    std::vector<Said> all = {
        {kClient, syn(1000)}, {kServer, syn_ack(5000, 1001)}, {kClient, ack(1001, 5001)}};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

bool was(const Replayed& replayed, tcp::State state) {
    return std::ranges::any_of(replayed.replay.flows().at(0).steps,
                               [&](const flow::Step& step) { return step.state == state; });
}

TEST_P(HardCapture, RstsOfBothSidesBelowDataInFlightCloseBoth) {
    EXPECT_THAT(ends(after_handshake({{kClient, fin(1001, 5001, 10)},
                                      {kServer, fin(5001, 1001, 20)},
                                      {kClient, rst(1001)},
                                      {kServer, rst(5001)}})),
                ElementsAre("closed/closed"));
}

TEST_P(HardCapture, AnAcknowledgmentCapturedBeforeTheFin) {
    EXPECT_THAT(ends(after_handshake(
                    {{kServer, fin(5001, 1001)}, {kServer, ack(5002, 1002)}, {kClient, fin(1001, 5002)}})),
                ElementsAre("closed/time-wait"));
    EXPECT_THAT(ends(after_handshake(
                    {{kClient, fin(1001, 5001)}, {kClient, ack(1002, 5002)}, {kServer, fin(5001, 1002)}})),
                ElementsAre("time-wait/closed"));
}

TEST_P(HardCapture, BegunMidwayAFinThatAcknowledgesAFinIsNoHalfClose) {
    const std::vector<Said> midway = {{kClient, data(2000, 7000, 10)},
                                      {kServer, data(7000, 2010, 10)},
                                      {kClient, fin(2110, 7010, 10)},
                                      {kServer, fin(7500, 2121, 10)}};
    const Replayed replayed = replay(midway);
    EXPECT_THAT(replayed.ends(), ElementsAre("fin-wait-1/last-ack"));
    EXPECT_FALSE(was(replayed, tcp::State::fin_wait_2));
    EXPECT_FALSE(was(replayed, tcp::State::close_wait));
}

TEST_P(HardCapture, SeveralSynAcksAndThenData) {
    EXPECT_THAT(ends({{kClient, syn(1000)},
                      {kServer, syn_ack(5000, 1001)},
                      {kServer, syn_ack(700'000'000, 1001), 1},
                      {kServer, syn_ack(2'900'000'000, 1001), 2},
                      {kClient, data(1001, 700'000'001, 10)},
                      {kServer, ack(700'000'001, 1011)}}),
                ElementsAre("established/established"));
}

TEST_P(HardCapture, ASynRepeatedForMinutesIsOneConnection) {
    std::vector<Said> dialogue = {{kClient, syn(1000)}};
    for (const double gap : {1, 2, 4, 8, 16, 32, 64, 120})
        dialogue.push_back({kClient, syn(1000), gap});
    EXPECT_THAT(ends(dialogue), ElementsAre("syn-sent/closed"));
    dialogue.push_back({kServer, syn_ack(5000, 1001), 64});
    dialogue.push_back({kClient, ack(1001, 5001)});
    EXPECT_THAT(ends(dialogue), ElementsAre("established/established"));
}

TEST_P(HardCapture, AFinRepeatedForMinutesIsOneConnection) {
    const std::vector<double> gaps = {0.3, 1, 3, 11, 22, 43, 65, 65, 120};
    std::vector<Said> unanswered = after_handshake({{kClient, fin(1001, 5001)}});
    std::vector<Said> both_closed = after_handshake({{kClient, fin(1001, 5001)}, {kServer, fin(5001, 1002)}});
    std::vector<Said> last_ack_lost =
        after_handshake({{kClient, fin(1001, 5001)}, {kServer, fin(5001, 1002)}, {kClient, ack(1002, 5002)}});
    std::vector<Said> midway;
    for (const double gap : gaps) {
        unanswered.push_back({kClient, fin(1001, 5001), gap});
        both_closed.push_back({kServer, fin(5001, 1002), gap});
        last_ack_lost.push_back({kServer, fin(5001, 1002), gap});
        last_ack_lost.push_back({kClient, ack(1002, 5002), 0.2});
        midway.push_back({kClient, fin(1001, 5001), gap});
    }
    EXPECT_THAT(ends(unanswered), ElementsAre("fin-wait-1/established"));
    EXPECT_THAT(ends(both_closed), ElementsAre("fin-wait-1/last-ack"));
    EXPECT_THAT(ends(last_ack_lost), ElementsAre("time-wait/closed"));
    EXPECT_THAT(ends(midway), SizeIs(1));
}

TEST_P(HardCapture, WhatGoesOnBecauseAnRstWasLostIsOneConnection) {
    std::vector<Said> closing = after_handshake({{kClient, fin(1001, 5001)}, {kServer, rst(5001)}});
    std::vector<Said> opening = {{kClient, syn(1000)}, {kServer, syn_ack(5000, 1001)}, {kClient, rst(1001)}};
    for (const double gap : {1.8, 3.6, 7.3, 14.6, 29.2, 58.4}) {
        closing.push_back({kClient, fin(1001, 5001), gap});
        opening.push_back({kServer, syn_ack(5000, 1001), gap});
    }
    EXPECT_THAT(ends(closing), ElementsAre("closed/closed"));
    EXPECT_THAT(ends(opening), ElementsAre("closed/closed"));
}

TEST_P(HardCapture, AnRstAtTheFinsNumberAndThenLife) {
    const std::vector<Said> dialogue = after_handshake({{kServer, fin(5001, 1001)},
                                                        {kClient, ack(1001, 5002)},
                                                        {kServer, rst(5001)},
                                                        {kClient, data(1001, 5002, 100)},
                                                        {kServer, ack(5002, 1101)},
                                                        {kClient, data(1101, 5002, 100)},
                                                        {kServer, ack(5002, 1201)}});
    EXPECT_THAT(ends(dialogue), ElementsAre("close-wait/fin-wait-2 closer server"));
    EXPECT_THAT(ends({dialogue.begin(), dialogue.begin() + 6}), ElementsAre("closed/closed"));
    std::vector<Said> later = dialogue;
    later[6].after = 40;
    EXPECT_THAT(ends(later), ElementsAre("close-wait/fin-wait-2 closer server"));
}

TEST_P(HardCapture, AnRstForAWrongAcknowledgmentInSynSent) {
    for (const double pause : {1.0, 16.0, 64.0}) {
        EXPECT_THAT(ends({{kClient, syn(1000)},
                          {kServer, ack(400, 1000)},
                          {kClient, rst(1000)},
                          {kClient, syn(1000), pause},
                          {kServer, syn_ack(5000, 1001)},
                          {kClient, ack(1001, 5001)},
                          {kClient, data(1001, 5001, 10)},
                          {kServer, ack(5001, 1011)}}),
                    ElementsAre("established/established"));
    }
}

TEST_P(HardCapture, AFrameIsMissingBeforeTheFins) {
    EXPECT_THAT(ends(after_handshake({{kClient, data(1001, 5001, 95)},
                                      {kClient, fin(1096, 5351)},
                                      {kServer, fin(5351, 1097)},
                                      {kClient, ack(1097, 5352)}})),
                ElementsAre("time-wait/closed"));
}

TEST_P(HardCapture, OnlySynsAndFinsWereCaptured) {
    EXPECT_THAT(ends({{kClient, syn(1000)},
                      {kServer, syn_ack(5000, 1001)},
                      {kClient, fin(900'000, 4'000'000)},
                      {kServer, fin(4'000'000, 900'001)}}),
                ElementsAre("fin-wait-1/last-ack"));
}

TEST_P(HardCapture, OfOneSideAlone) {
    const Replayed client = replay({{kClient, syn(1000)},
                                    {kClient, ack(1001, 5001)},
                                    {kClient, data(1001, 5001, 10)},
                                    {kClient, ack(1011, 9001)},
                                    {kClient, fin(1011, 9001)}});
    EXPECT_THAT(client.ends(), ElementsAre("fin-wait-1/unknown"));
    EXPECT_TRUE(was(client, tcp::State::established));
    EXPECT_THAT(ends({{kServer, syn_ack(5000, 1001)},
                      {kServer, ack(5001, 1011)},
                      {kServer, data(5001, 1011, 100)},
                      {kServer, fin(5101, 1011)}}),
                ElementsAre("unknown/fin-wait-1"));
}

TEST_P(HardCapture, AnRstThatNoReceiverTakesEndsNothing) {
    EXPECT_THAT(
        ends({{kClient, syn(1000)}, {kServer, syn_ack(5000, 1001)}, {kClient, rst_ack(90'000, 60'000)}}),
        ElementsAre("syn-sent/syn-recv"));
    EXPECT_THAT(ends({{kClient, rst(1000)}}), SizeIs(0));
}

INSTANTIATE_TEST_SUITE_P(Replay, HardCapture, ::testing::Bool(),
                         [](const auto& tested) { return tested.param ? "IPv6" : "IPv4"; });

}  // namespace
}  // namespace finwait::replay::testing
