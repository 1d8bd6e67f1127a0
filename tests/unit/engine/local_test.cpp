// Sockets of the engine's own machine: who is asked by word, what the word means, and which flows are spared.
#include "support/path.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using flow::Evidence;
using tcp::Role;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::uint16_t kClientPort = 40000;

/// The client has closed; both sides' probes are out.
Path asked_with(void (Path::*who_is_here)(), policy::Timeouts t = {}) {
    Path path(asking(t));
    (path.*who_is_here)();
    path.client_half_closed();
    path.wait(milliseconds(3100));
    return path;
}

TEST(Local, AProbeSaysWhetherItsReceiverIsOnThisMachine) {
    const Path path = asked_with(&Path::server_is_here);
    ASSERT_THAT(path.sends(), SizeIs(2));
    for (const Send& send : path.sends()) {
        EXPECT_EQ(send.to_local, send.segment.source.port == kClientPort);
        EXPECT_FALSE(send.for_numbers || send.after_reset);
    }
}

TEST(Local, OfAForwardedFlowNobodyIsHere) {
    Path path = asked();
    path.client(ack(1002, 5001));
    for (const Send& send : path.sends())
        EXPECT_FALSE(send.to_local);
}

TEST(Local, OverLoopbackBothAreHereAlthoughEachSegmentIsSeenOnlyWhenItLeaves) {
    Path path(asking());
    path.client_is_here();
    path.client(syn(1000));
    path.server_is_here();
    path.server(syn_ack(5000, 1001));
    path.client_is_here();
    path.client(ack(1001, 5001));
    path.client(fin(1001, 5001));
    path.server_is_here();
    path.server(ack(5001, 1002));
    path.wait(milliseconds(3100));
    ASSERT_THAT(path.sends(), SizeIs(2));
    EXPECT_TRUE(path.sends()[0].to_local && path.sends()[1].to_local);
}

TEST(Local, AWordThatBothLiveLeavesTheFlow) {
    Path path = asked_with(&Path::server_is_here);
    path.word(Role::server, Evidence::alive);
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::drop);
    path.wait(seconds(10));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_THAT(path.events(), Contains(EventType::left));
}

TEST(Local, AHolderThatIsGoneByWordHasToldNobodySoTheCloserIsResetByUs) {
    Path path = asked_with(&Path::server_is_here);
    path.client(ack(1002, 5001));
    path.word(Role::server, Evidence::gone);
    path.wait(milliseconds(1100));
    ASSERT_THAT(path.resets(), SizeIs(1));
    EXPECT_EQ(path.resets()[0].text(), "10.99.2.2:80 > 10.99.1.2:40000 RST|ACK seq 5001 ack 1002 len 0");
}

TEST(Local, AnOrphanedCloserIsEndedWithItsPeerAndBeforeIt) {
    Path path = asked_with(&Path::client_is_here);
    path.word(Role::client, Evidence::orphan);
    path.wait(milliseconds(1100));
    ASSERT_THAT(path.resets(), SizeIs(2));
    EXPECT_EQ(path.resets()[0].destination.port, kClientPort);
    path.wait(milliseconds(700));
    EXPECT_TRUE(path.sends().back().after_reset);
    path.word(Role::client, Evidence::gone);
    EXPECT_EQ(path.server(rst(5001)), Verdict::drop);
    path.wait(milliseconds(10));
    EXPECT_EQ(path.engine.counters().resets_confirmed, 1U);
}

TEST(Local, TheServerIsToldBeforeTheClientWhereItIsTheOneHere) {
    Path path = asked_with(&Path::server_is_here);
    path.wait(seconds(6));
    ASSERT_THAT(path.resets(), SizeIs(2)) << "nobody has answered";
    EXPECT_EQ(path.resets()[0].destination.port, 80);
}

TEST(Local, ASocketThatIsStillThereAfterTheResetIsResetAgain) {
    Path path = asked_with(&Path::client_is_here);
    path.word(Role::client, Evidence::orphan);
    path.wait(milliseconds(1700));
    path.word(Role::client, Evidence::alive);
    path.server(rst(5001));
    path.wait(milliseconds(1100));
    ASSERT_THAT(path.resets(), SizeIs(3));
    EXPECT_EQ(path.resets()[2].destination.port, kClientPort);
}

TEST(Local, AWordThatNobodyHasAskedForIsNotHeard) {
    Path path(asking());
    path.server_is_here();
    path.client_half_closed();
    path.word(Role::server, Evidence::gone);
    path.wait(seconds(2));
    EXPECT_THAT(path.sends(), IsEmpty());
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::watching);
}

TEST(Local, ACloserThatLivesByWordIsNotTestedForAnOrphan) {
    policy::Timeouts t;
    t.orphan_test = policy::OrphanTest::active;
    Path path = asked_with(&Path::client_is_here, t);
    path.word(Role::client, Evidence::alive);
    path.server(ack(5001, 1002));
    path.wait(seconds(10));
    EXPECT_THAT(path.resets(), IsEmpty()) << "the near-miss would be an RST, too";
    EXPECT_THAT(path.events(), Contains(EventType::left));
}

/// The client is a socket of this machine and an orphan; its kernel is told to end it.
Path ended_here() {
    Path path = asked_with(&Path::client_is_here);
    path.word(Role::client, Evidence::orphan);
    path.wait(milliseconds(100));
    EXPECT_THAT(path.resets(), SizeIs(2));
    return path;
}

TEST(Local, TheRstOfASocketThatWeHaveEndedIsNotToldAsItsPeersDoing) {
    Path path = ended_here();
    EXPECT_EQ(path.client(rst(1002)), Verdict::accept);
    path.wait(milliseconds(100));
    EXPECT_THAT(path.events(), Not(Contains(EventType::closed)));
    EXPECT_EQ(path.flow().cannot_end, "") << "the outcome is waited for";
    EXPECT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested);
    path.wait(milliseconds(700));
    path.word(Role::client, Evidence::gone);
    path.server(rst(5001));
    path.wait(milliseconds(10));
    EXPECT_THAT(path.events(), Contains(EventType::confirmed));
    EXPECT_THAT(path.events(), Not(Contains(EventType::closed)));
    EXPECT_EQ(path.flow().outcome, flow::Outcome::confirmed);
    EXPECT_EQ(path.flow().cannot_end, name(KillResult::already_closed));
}

TEST(Local, AnRstBeforeOursIsToldAsThePeersDoing) {
    Path path = asked_with(&Path::client_is_here);
    path.server(rst(5001));
    path.wait(milliseconds(10));
    EXPECT_THAT(path.events(), Contains(EventType::closed));
}

Options sparing(std::vector<policy::Policy> policies = {}) {
    Options options = asking();
    options.tuning.policies = policy::PolicySet(std::move(policies), options.tuning.policies[0].timeouts);
    options.tuning.spare = std::get<policy::Filter>(policy::Filter::parse("port 80"));
    return options;
}

Path idle(Options options, void (Path::*who_is_here)()) {
    Path path(std::move(options));
    if (who_is_here != nullptr) (path.*who_is_here)();
    path.client_half_closed();
    path.wait(minutes(10));
    return path;
}

TEST(Local, OneThatIsSparedIsNeitherAskedNorReset) {
    const Path path = idle(sparing(), &Path::server_is_here);
    EXPECT_THAT(path.sends(), IsEmpty());
    const auto explanation = path.engine.explain(path.now, path.flow().id);
    ASSERT_TRUE(explanation);
    EXPECT_EQ(explanation->hindrance, Hindrance::spared);
    EXPECT_THAT(explanation->unanswered, IsEmpty());
}

TEST(Local, ForwardedOnesAreNotSpared) {
    EXPECT_THAT(idle(sparing(), nullptr).probes(), Not(IsEmpty()));
}

TEST(Local, APolicyThatMatchesOneThatWouldBeSparedIsInForce) {
    policy::Policy policy;
    policy.name = "web";
    policy.match = std::get<policy::Filter>(policy::Filter::parse("port 80"));
    policy.timeouts = asking().tuning.policies[0].timeouts;
    EXPECT_THAT(idle(sparing({policy}), &Path::server_is_here).probes(), Not(IsEmpty()));
}

TEST(Local, OneThatIsSparedIsEndedOnRequest) {
    Path path = idle(sparing(), &Path::server_is_here);
    EXPECT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested);
    path.wait(seconds(1));
    EXPECT_THAT(path.resets(), SizeIs(2));
}

TEST(Local, WhoIsHereOutlivesANewConnectionUnderTheSameNames) {
    Path path(asking());
    path.client_is_here();
    path.handshake();
    path.client(fin(1001, 5001));
    path.server(fin(5001, 1002));
    path.client(ack(1002, 5002));
    path.wait(seconds(1));
    path.client(syn(900'000));
    path.server(syn_ack(700'000, 900'001));
    path.client(ack(900'001, 700'001));
    path.client(fin(900'001, 700'001));
    path.server(ack(700'001, 900'002));
    path.wait(milliseconds(3100));
    ASSERT_THAT(path.sends(), SizeIs(2));
    EXPECT_NE(path.sends()[0].to_local, path.sends()[1].to_local);
}

TEST(Local, AfterARestartASocketHereIsAskedForItsNumbers) {
    Path before(asking());
    before.server_is_here();
    before.client_half_closed();
    before.wait(seconds(1));
    std::vector<std::uint8_t> batch;
    EXPECT_FALSE(before.engine.save(before.now, 0, 1000, batch));
    Path after(asking());
    after.now = before.now;
    const std::span<const std::uint8_t> view(batch);
    ASSERT_EQ(after.engine.restore(after.now, before.now, {&view, 1}), 1U);
    after.wait(seconds(3));
    ASSERT_THAT(after.sends(), SizeIs(2));
    for (const Send& send : after.sends()) {
        EXPECT_EQ(send.to_local, send.segment.destination.port == 80);
        EXPECT_TRUE(send.for_numbers);
    }
    after.server_is_here();
    after.server(ack(5001, 1002));
    after.client(ack(1002, 5001));
    after.wait(milliseconds(10));
    ASSERT_THAT(after.sends(), SizeIs(4)) << "and then for the rest";
    EXPECT_FALSE(after.sends()[2].for_numbers || after.sends()[3].for_numbers);
    after.word(Role::server, Evidence::gone);
    after.wait(milliseconds(1100));
    EXPECT_THAT(after.resets(), SizeIs(1));
}

}  // namespace
}  // namespace finwait::engine::testing
