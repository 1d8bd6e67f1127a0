// A FIN that only conntrack has reported: it may have been forged before the start, or while conntrack was
// told to be liberal. It is a reason to ask, and never one to end.

#include "support/adopted.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

Options ending_by_clock(policy::OnExpiry on_expiry) {
    Options options = with(on_expiry);
    policy::Timeouts t = options.tuning.policies[0].timeouts;
    t.fin_wait_2 = seconds(4);
    t.fin_wait_2_max = seconds(30);
    t.alive_max = seconds(15);
    options.tuning.policies = policy::PolicySet({}, t);
    return options;
}

/// Both sides answer whatever they are asked. How many seconds the flow was called half-closed.
int answer_for(Path& path, Duration time) {
    int half_closed = 0;
    for (const Instant until = path.now + time; path.now < until;) {
        path.wait(seconds(1));
        if (path.flows().empty()) break;
        const FlowReport flow = path.flow();
        if (flow.subject.closer) ++half_closed;
        if (flow.subject.phase != policy::Phase::probing) continue;
        path.client(ack(1002, 5001));
        path.server(ack(5001, 1002));
    }
    return half_closed;
}

TEST(ReportedFin, NoClockEndsAConnectionWhoseSidesBothAnswer) {
    for (const auto on_expiry : {policy::OnExpiry::probe, policy::OnExpiry::reset}) {
        for (const auto closer : {tcp::Role::client, tcp::Role::server}) {
            Path path(ending_by_clock(on_expiry));
            ASSERT_TRUE(path.engine.adopt(path.now, told(path, closer)));
            EXPECT_LT(answer_for(path, seconds(60)), 10) << "nobody is called half-closed by it for good";
            answer_for(path, minutes(59));
            EXPECT_THAT(path.resets(), IsEmpty());
            EXPECT_EQ(path.engine.gauges().half_closed, 0U);
            EXPECT_EQ(path.flow().subject.client_state, tcp::State::unknown);
        }
    }
}

TEST(ReportedFin, ALaterLookAtConntrackIsNoBetterProof) {
    for (const auto on_expiry : {policy::OnExpiry::probe, policy::OnExpiry::reset}) {
        Path path(ending_by_clock(on_expiry));
        path.handshake();
        path.wait(seconds(3));
        for (int look = 0; look < 3; ++look) {
            EXPECT_TRUE(path.engine.on_hint(path.now, path.now, {kClient, kServer, Belief::opener_closed}));
            answer_for(path, minutes(2));
        }
        EXPECT_THAT(path.resets(), IsEmpty());
    }
}

TEST(ReportedFin, BothAreAskedAgainAndTheLossOfOneEndsIt) {
    Path path(ending_by_clock(policy::OnExpiry::probe));
    ASSERT_TRUE(path.engine.adopt(path.now, told(path, tcp::Role::client)));
    answer_for(path, minutes(5));
    const std::size_t before = path.probes().size();
    for (int i = 0; i < 20 * 60 && path.resets().empty(); ++i) {
        path.wait(seconds(1));
        if (path.flow().subject.phase == policy::Phase::probing) path.client(ack(1002, 5001));
    }
    EXPECT_GT(path.probes().size(), before);
    ASSERT_THAT(path.resets(), SizeIs(2)) << "the holder is silent";
    EXPECT_EQ(path.resets()[0].seq, tcp::Seq(5001));
    EXPECT_EQ(path.resets()[1].seq, tcp::Seq(1002));
}

TEST(ReportedFin, AHolderThatIsGoneEndsItAtOnce) {
    Path path(ending_by_clock(policy::OnExpiry::reset));
    ASSERT_TRUE(path.engine.adopt(path.now, told(path, tcp::Role::client)));
    path.wait(kSoon);
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(seconds(4));
    ASSERT_EQ(path.flow().subject.phase, policy::Phase::probing);
    EXPECT_EQ(path.server(rst(5001)), Verdict::accept) << "the real RST ends the closer";
    path.wait(milliseconds(700));
    path.client(rst(1002));
    path.wait(milliseconds(10));
    EXPECT_EQ(path.engine.counters().resets_confirmed, 1U);
}

TEST(ReportedFin, AConnectionThatGoesOnIsFollowedAsOpen) {
    Path path(ending_by_clock(policy::OnExpiry::probe));
    ASSERT_TRUE(path.engine.adopt(path.now, told(path, tcp::Role::client)));
    answer_for(path, seconds(30));
    path.client(data(1002, 5001, 10));
    path.server(data(5001, 1012, 10));
    path.client(ack(1012, 5011));
    EXPECT_EQ(path.flow().subject.client_state, tcp::State::established);
    EXPECT_EQ(path.flow().subject.server_state, tcp::State::established);
    const std::size_t before = path.probes().size();
    path.wait(minutes(40));
    EXPECT_EQ(path.probes().size(), before) << "nothing is left of the report";
}

TEST(ReportedFin, TheFinItselfProvesIt) {
    Path path(ending_by_clock(policy::OnExpiry::probe));
    ASSERT_TRUE(path.engine.adopt(path.now, told(path, tcp::Role::client)));
    path.wait(kSoon);
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(seconds(1));
    path.client(fin(1001, 5001));
    path.server(ack(5001, 1002));
    answer_for(path, seconds(40));
    EXPECT_GE(path.resets().size(), 2U) << "now alive_max holds for it";
}

TEST(ReportedFin, AnOperatorsKillEndsIt) {
    Path path(ending_by_clock(policy::OnExpiry::probe));
    ASSERT_TRUE(path.engine.adopt(path.now, told(path, tcp::Role::client)));
    answer_for(path, seconds(30));
    EXPECT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested);
    path.wait(seconds(1));
    EXPECT_THAT(path.resets(), SizeIs(2));
}

}  // namespace
}  // namespace finwait::engine::testing
