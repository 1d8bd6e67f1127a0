// The machine alone: what it did is told by its steps, what it comes to by its conclusion.
#include "reaper/conclusion.hpp"
#include "support/half_closed.hpp"

#include <vector>

#include <gmock/gmock.h>

namespace finwait::reaper {

inline void PrintTo(Next n, std::ostream* out) {
    *out << "Next " << static_cast<int>(n);
}
inline void PrintTo(Did d, std::ostream* out) {
    *out << "Did " << static_cast<int>(d);
}

namespace testing {
namespace {

using flow::Evidence;
using flow::Occasion;
using flow::Phase;
using flow::Purpose;
using tcp::Role;
using tcp::testing::ack;
using tcp::testing::rst;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

auto step(Did did, std::optional<Role> side, std::uint8_t attempt = 0) {
    return AllOf(Field(&Step::did, did), Field(&Step::side, side), Field(&Step::attempt, attempt));
}
auto whole(Did did) {
    return step(did, std::nullopt);
}

std::vector<Step> steps(const Decision& decision) {
    return {decision.steps.begin(), decision.steps.end()};
}

/// Both sides have been asked once.
HalfClosed asked() {
    HalfClosed flow;
    static_cast<void>(flow.decide());
    return flow;
}

/// What an inquiry with this evidence comes to.
Conclusion conclude(HalfClosed& flow, Evidence client, Evidence server) {
    flow.record.reaping.side[0].evidence = client;
    flow.record.reaping.side[1].evidence = server;
    return conclude_inquiry(flow.record, flow.timeouts, flow.now);
}

/// Segments may have passed unseen.
void doubt(tcp::Side& side) {
    side.next_basis = side.ack_basis = tcp::Basis::stale;
}

void hear(tcp::Side& side) {
    side.next_basis = side.ack_basis = tcp::Basis::heard;
}

TEST(Machine, WatchesUntilTheTimeIsUp) {
    HalfClosed flow;
    flow.timeouts.fin_wait_2 = minutes(2);
    const Decision decision = flow.decide();
    EXPECT_THAT(steps(decision), IsEmpty());
    EXPECT_EQ(decision.again, flow.now + minutes(1));
}

TEST(Machine, SaysThatItOpensAnInquiryAndWhomItAsks) {
    HalfClosed flow;
    const Decision decision = flow.decide();
    EXPECT_THAT(steps(decision),
                ElementsAre(whole(Did::expire), whole(Did::open_inquiry), step(Did::ask, Role::client, 1),
                            step(Did::ask, Role::server, 1)));
    EXPECT_EQ(flow.record.reaping.purpose, Purpose::liveness);
    EXPECT_EQ(flow.record.reaping.occasion, Occasion::due);
    EXPECT_EQ(decision.again, flow.now + flow.timeouts.probe_interval);
}

TEST(Machine, AsksOnlyTheSideThatHasNotAnswered) {
    HalfClosed flow = asked();
    flow.now = flow.now + seconds(1);
    EXPECT_EQ(flow.client(ack(1002, 5001)), Heard::consume);
    const Decision decision = flow.decide_at(flow.now + flow.timeouts.probe_interval);
    EXPECT_THAT(steps(decision), ElementsAre(step(Did::ask, Role::server, 2)));
}

TEST(Machine, SaysThatASideIsSilentOnce) {
    HalfClosed flow = asked();
    flow.client(ack(1002, 5001));
    Decision decision;
    while (decision.steps.empty() || !decision.steps.has(Did::give_up))
        decision = flow.decide_at(flow.now + flow.timeouts.probe_interval);
    EXPECT_THAT(steps(decision), ElementsAre(step(Did::give_up, Role::server, flow.timeouts.probe_attempts)));
    EXPECT_EQ(decision.steps.begin()->evidence, Evidence::silent);
    EXPECT_THAT(steps(flow.decide()),
                ElementsAre(step(Did::reset, Role::client, 1), step(Did::reset, Role::server, 1)));
}

TEST(Machine, LeavesTwoLivingSides) {
    HalfClosed flow = asked();
    flow.client(ack(1002, 5001));
    flow.server(ack(5001, 1002));
    EXPECT_THAT(steps(flow.decide()), ElementsAre(whole(Did::leave)));
    EXPECT_EQ(flow.record.reaping.phase, Phase::watching);
}

TEST(Machine, AfterTheResetsItMakesSureOfEachSide) {
    HalfClosed flow;
    flow.timeouts.on_expiry = policy::OnExpiry::reset;
    const Decision reset = flow.decide();
    EXPECT_THAT(steps(reset), ElementsAre(step(Did::reset, Role::client, 1),
                                          step(Did::reset, Role::server, 1), whole(Did::expire)));
    const Decision check = flow.decide_at(reset.again);
    EXPECT_THAT(steps(check),
                ElementsAre(step(Did::make_sure, Role::client, 1), step(Did::make_sure, Role::server, 1)));
    flow.client(rst(1002));
    flow.server(rst(5001));
    EXPECT_EQ(flow.decide().result, Result::confirmed);
}

TEST(Machine, AKillIsNoExpiry) {
    for (const policy::OnExpiry action : {policy::OnExpiry::probe, policy::OnExpiry::reset}) {
        HalfClosed flow;
        flow.timeouts.on_expiry = action;
        flow.timeouts.fin_wait_2 = minutes(10);
        flow.record.reaping.requested = true;
        const Decision killed = flow.decide();
        EXPECT_FALSE(killed.steps.empty());
        EXPECT_FALSE(killed.steps.has(Did::expire));
    }
}

TEST(Machine, DoesNothingWhileAnotherFlowHasTheRate) {
    HalfClosed flow;
    flow.probes.set_rate(1);
    static_cast<void>(flow.probes.take(flow.now - minutes(1), Urgency::ordinary, 100, false));
    const Decision decision = flow.decide();
    EXPECT_THAT(steps(decision), IsEmpty());
    EXPECT_EQ(decision.limit, Limit::probes);
    EXPECT_EQ(flow.record.reaping.phase, Phase::watching);
}

TEST(Machine, WhatWasAskedForPositionIsDecidedAnewOnceThatIsKnownAndExpiresOnce) {
    HalfClosed flow;
    for (tcp::Side& side : flow.record.connection.side)
        doubt(side);
    flow.record.low_is_local = true;  // its machine is asked after the numbers are known
    const Decision first = flow.decide();
    EXPECT_TRUE(first.steps.has(Did::expire));
    EXPECT_EQ(flow.record.reaping.purpose, Purpose::position);
    for (tcp::Side& side : flow.record.connection.side)
        hear(side);
    const Decision second = flow.decide_at(flow.decide().again);
    EXPECT_FALSE(second.steps.has(Did::expire));
    EXPECT_TRUE(second.steps.has(Did::open_inquiry));
    EXPECT_EQ(flow.record.reaping.purpose, Purpose::liveness);
}

TEST(Conclusion, WaitsForASideThatIsNotKnown) {
    HalfClosed flow = asked();
    EXPECT_EQ(conclude(flow, Evidence::alive, Evidence::unknown).next, Next::ask);
}

TEST(Conclusion, ResetsTheSideThatIsLeftAlone) {
    HalfClosed flow = asked();
    const Conclusion c = conclude(flow, Evidence::alive, Evidence::gone);
    EXPECT_EQ(c.next, Next::end_one);
    EXPECT_EQ(c.target, Role::client);
    EXPECT_EQ(conclude(flow, Evidence::gone, Evidence::alive).target, Role::server);
    EXPECT_EQ(conclude(flow, Evidence::gone, Evidence::gone).next, Next::forget);
}

TEST(Conclusion, AnOrphanCountsOnlyWhereThePolicySaysSo) {
    HalfClosed flow = asked();
    EXPECT_EQ(conclude(flow, Evidence::orphan, Evidence::alive).next, Next::end_both);
    flow.timeouts.orphan_test = policy::OrphanTest::off;
    EXPECT_EQ(conclude(flow, Evidence::orphan, Evidence::alive).next, Next::leave);
}

TEST(Conclusion, WhatWasAskedAfterAGapIsNotEndedBeforeItsTime) {
    HalfClosed flow = asked();
    flow.record.reaping.purpose = Purpose::position;
    flow.record.reaping.occasion = Occasion::gap;
    doubt(flow.record.connection.side[1]);
    EXPECT_EQ(conclude(flow, Evidence::alive, Evidence::silent).next, Next::watch_on);
    EXPECT_EQ(conclude(flow, Evidence::orphan, Evidence::unknown).next, Next::ask);
    hear(flow.record.connection.side[1]);
    EXPECT_EQ(conclude(flow, Evidence::alive, Evidence::alive).next, Next::decide_anew);
}

TEST(Conclusion, BeforeItsTimeOnlyAnAnswerEndsAFlow) {
    HalfClosed flow = asked();
    flow.record.reaping.occasion = Occasion::crowded;
    flow.timeouts.fin_wait_2 = minutes(5);
    EXPECT_EQ(conclude(flow, Evidence::alive, Evidence::silent).next, Next::leave_until_due);
    EXPECT_EQ(conclude(flow, Evidence::silent, Evidence::silent).next, Next::leave_until_due);
    EXPECT_EQ(conclude(flow, Evidence::gone, Evidence::silent).next, Next::end_one);
    EXPECT_EQ(conclude(flow, Evidence::orphan, Evidence::alive).next, Next::end_both);
    flow.timeouts.fin_wait_2 = seconds(30);
    EXPECT_EQ(conclude(flow, Evidence::alive, Evidence::silent).next, Next::end_both)
        << "its time is up by now";
}

TEST(Conclusion, NothingIsEndedByAliveMaxBehindAClosedWindow) {
    HalfClosed flow = asked();
    flow.timeouts.alive_max = seconds(30);
    EXPECT_EQ(conclude(flow, Evidence::alive, Evidence::alive).cause, flow::Cause::alive_too_long);
    EXPECT_EQ(conclude(flow, Evidence::alive, Evidence::alive).next, Next::end_both);
    flow.record.connection.of(Role::client).window = 0;
    EXPECT_EQ(conclude(flow, Evidence::alive, Evidence::alive).next, Next::leave);
}

TEST(Conclusion, TheNearMissIsForAClosersSocketThatAnswersAndOnlyOnce) {
    HalfClosed flow = asked();
    flow.timeouts.orphan_test = policy::OrphanTest::active;
    EXPECT_EQ(conclude(flow, Evidence::alive, Evidence::alive).next, Next::test);
    flow.record.reaping.side[0].near_missed = true;
    EXPECT_EQ(conclude(flow, Evidence::alive, Evidence::alive).next, Next::leave);
}

TEST(Conclusion, WhatHasMovedOnIsWatchedUnlessASideIsGone) {
    HalfClosed flow = asked();
    flow.record.connection.of(Role::server).state = tcp::State::last_ack;
    EXPECT_EQ(conclude(flow, Evidence::alive, Evidence::unknown).next, Next::watch_on);
    EXPECT_EQ(conclude(flow, Evidence::alive, Evidence::gone).next, Next::end_one);
}

TEST(Conclusion, WithoutExactNumbersNothingIsResetEvenIfBothAreSilent) {
    HalfClosed flow = asked();
    doubt(flow.record.connection.side[1]);
    EXPECT_EQ(conclude(flow, Evidence::silent, Evidence::silent).next, Next::leave_for_long);
}

}  // namespace
}  // namespace testing
}  // namespace finwait::reaper
