#include "support/path.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Flows, AFullTableGivesUpUnfinishedHandshakesFirst) {
    Options options = all_packets();
    options.max_flows = 10;
    Path path(options);
    for (std::uint16_t i = 0; i < 5; ++i) {
        path.use_port(static_cast<std::uint16_t>(100 + i));
        path.handshake();
    }
    for (std::uint16_t i = 0; i < 50; ++i) {
        path.use_port(static_cast<std::uint16_t>(1000 + i));
        path.client(syn(1000));
    }
    EXPECT_THAT(path.flows("state established"), SizeIs(5));
    EXPECT_THAT(path.flows(), SizeIs(10));
    EXPECT_EQ(path.engine.counters().flows_evicted, 45U);
    EXPECT_EQ(path.engine.counters().packets_untracked, 0U);
}

TEST(Flows, ATableFullOfLivingFlowsLetsMorePassUntracked) {
    Options options = all_packets();
    options.max_flows = 3;
    Path path(options);
    for (std::uint16_t i = 0; i < 4; ++i) {
        path.use_port(static_cast<std::uint16_t>(100 + i));
        path.handshake();
    }
    EXPECT_THAT(path.flows(), SizeIs(3));
    EXPECT_EQ(path.engine.counters().packets_untracked, 3U);
}

TEST(Flows, EveryStageIsForgottenInTheEnd) {
    Path path(all_packets());
    path.client(syn(1000));
    path.use_port(2);
    path.handshake();
    path.use_port(3);
    path.handshake();
    path.client(fin(1001, 5001));
    path.use_port(4);
    path.handshake();
    path.client(fin(1001, 5001));
    path.server(fin(5001, 1002));
    path.use_port(5);
    path.handshake();
    path.client(rst(1001));
    path.use_port(6);
    path.client(data(1, 1, 1));
    EXPECT_THAT(path.flows(), SizeIs(6));
    path.wait(seconds(300));
    EXPECT_THAT(path.flows(), SizeIs(1));
    path.wait(std::chrono::hours(24 * 5));
    EXPECT_THAT(path.flows(), IsEmpty());
    for (const auto& side : path.engine.gauges().sides)
        EXPECT_THAT(side, ::testing::Each(0U));
}

TEST(Flows, AFinRepeatedForMinutesKeepsItsFlow) {
    Path path(all_packets());
    path.client_half_closed();
    for (int i = 0; i < 200; ++i) {
        path.wait(seconds(1));
        path.client(fin(1001, 5001));
        path.server(ack(5001, 1002));
    }
    EXPECT_EQ(path.flow().subject.closer, tcp::Role::client);
}

TEST(Flows, ASilentReceiverHasTakenTheRst) {
    Path path(all_packets());
    path.handshake();
    path.client(data(1001, 5001, 100));
    path.client(fin(1101, 5001));
    path.client(rst(1001));
    EXPECT_EQ(path.flow().subject.server_state, tcp::State::established);
    path.wait(milliseconds(1100));
    EXPECT_EQ(path.flow().subject.server_state, tcp::State::closed);
}

TEST(Flows, CountsFollowTheStatesOfBothSides) {
    Path path(all_packets());
    path.client_half_closed();
    const Gauges gauges = path.engine.gauges();
    EXPECT_EQ(gauges.half_closed, 1U);
    EXPECT_EQ(gauges.sides[0][static_cast<std::size_t>(tcp::State::fin_wait_2)], 1U);
    EXPECT_EQ(gauges.sides[1][static_cast<std::size_t>(tcp::State::close_wait)], 1U);
    EXPECT_EQ(path.engine.policy_counts()[0].half_closed, 1U);
}

TEST(Flows, ANewConnectionOnTheSameEndpointsIsAnotherFlowWithTimersOfItsOwn) {
    Path path(all_packets());
    path.client_half_closed();
    path.server(fin(5001, 1002));
    path.client(ack(1002, 5002));
    const FlowId old = path.flow().id;
    path.wait(seconds(30));
    path.client(syn(200000));
    path.server(syn_ack(900000, 200001));
    path.client(ack(200001, 900001));
    EXPECT_NE(path.flow().id, old);
    EXPECT_FALSE(path.engine.find(path.now, old).has_value());
    path.wait(seconds(120));
    EXPECT_EQ(path.flow().subject.client_state, tcp::State::established);
}

TEST(FastPath, TheThirdAckReleasesTheFlowAndAFinBringsItBack) {
    Path path(selective());
    path.client(syn(1000));
    path.server(syn_ack(5000, 1001));
    EXPECT_EQ(path.client(ack(1001, 5001)), Verdict::release);
    EXPECT_TRUE(path.flow().fast_path);
    EXPECT_EQ(path.flow().subject.idle, std::nullopt);
    EXPECT_EQ(path.engine.gauges().fast_path, 1U);
    EXPECT_EQ(path.client(fin(90001, 50001)), Verdict::accept);
    EXPECT_EQ(path.server(ack(50001, 90002)), Verdict::accept);
    EXPECT_EQ(path.flow().subject.closer, tcp::Role::client);
    EXPECT_EQ(path.engine.gauges().fast_path, 0U);
}

TEST(FastPath, ASegmentThatStillArrivesIsReleasedAgainButNotEveryTime) {
    Path path(selective());
    path.handshake();
    EXPECT_EQ(path.client(data(1001, 5001, 10)), Verdict::accept);
    path.wait(milliseconds(1100));
    EXPECT_EQ(path.client(data(1011, 5001, 10)), Verdict::release);
}

TEST(FastPath, AForgedFinCostsAFewPacketsAndNothingElse) {
    Path path(selective());
    path.handshake();
    path.client(fin(0x70000000, 0x71000000));
    EXPECT_FALSE(path.flow().fast_path);
    EXPECT_EQ(path.client(data(1001, 5001, 10)), Verdict::release);
    EXPECT_EQ(path.flow().subject.client_state, tcp::State::established);
    EXPECT_TRUE(path.flow().fast_path);
}

TEST(FastPath, AForgedFinThatNobodyAnswersIsTakenBackAfterFinWait1) {
    Path path(selective());
    path.handshake();
    path.client(fin(0x70000000, 0x71000000));
    path.wait(minutes(4) + seconds(5));
    EXPECT_EQ(path.flow().subject.client_state, tcp::State::established);
    EXPECT_TRUE(path.resets().empty());
}

TEST(Losses, SilentOnesAreBridgedWhenBothSidesAgreeAndOnlyWhereThatIsAllowed) {
    for (const bool allowed : {false, true}) {
        Options options = all_packets();
        options.silent_losses = allowed;
        Path path(options);
        path.handshake();
        path.client(fin(400'000, 5001));
        path.server(ack(5001, 400'001));
        path.client(fin(400'000, 5001));
        path.server(ack(5001, 400'001));
        EXPECT_EQ(path.flow().subject.closer.has_value(), allowed);
    }
}

TEST(Tuning, FewerPoliciesLeaveNoFlowAndNoEventWithOneThatIsGone) {
    const auto port_80 = std::get<policy::Filter>(policy::Filter::parse("port 80"));
    const auto port_81 = std::get<policy::Filter>(policy::Filter::parse("port 81"));
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet({{"other", port_81, {}}, {"web", port_80, {}}}, {});
    Engine engine(options);
    const Instant now(seconds(1));
    const auto say = [&](tcp::Segment s, bool from_client) {
        const tcp::Endpoint client{*tcp::Address::parse("10.0.0.1"), 1000};
        const tcp::Endpoint server{*tcp::Address::parse("10.0.0.2"), 80};
        s.source = from_client ? client : server;
        s.destination = from_client ? server : client;
        EXPECT_EQ(engine.on_segment(now, s), Verdict::accept);
    };
    say(syn(1000), true);
    say(syn_ack(5000, 1001), false);
    say(ack(1001, 5001), true);
    say(fin(1001, 5001), true);
    say(ack(5001, 1002), false);
    engine.tune(now, Tuning{});
    Actions actions;
    engine.on_tick(now, actions);
    ASSERT_THAT(actions, SizeIs(1));
    EXPECT_LT(std::get<Event>(actions[0]).policy, engine.policies().size());
    std::vector<FlowReport> flows;
    EXPECT_FALSE(engine.visit(now, 0, 100, {}, flows).has_value());
    EXPECT_EQ(flows.at(0).subject.policy, "default");
}

TEST(Reports, AnIdIsReadBackAsItIsWritten) {
    const FlowId id{0x01003f2a, 17};
    EXPECT_EQ(id.text(), "1003f2a-17");
    EXPECT_EQ(FlowId::parse(id.text()), id);
    EXPECT_EQ(FlowId::parse("xyz"), std::nullopt);
    EXPECT_EQ(FlowId::parse("12-"), std::nullopt);
    EXPECT_EQ(FlowId::parse("-12"), std::nullopt);
    EXPECT_EQ(FlowId::parse("12-3 "), std::nullopt);
}

}  // namespace
}  // namespace finwait::engine::testing
