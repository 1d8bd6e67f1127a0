// Observing: what would have been done, and whether that would have been right.
#include "support/path.hpp"

namespace finwait::engine::testing {
namespace {

Path observing() {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(3);
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet({}, t);
    options.tuning.observe = true;
    Path path(options);
    path.client_half_closed();
    path.wait(seconds(4));
    return path;
}

PolicyCounts counts(const Path& path) {
    return path.engine.policy_counts()[0];
}

#define EXPECT_MARKS(path, would, rights, regrets) \
    EXPECT_EQ(counts(path).observed, would);       \
    EXPECT_EQ(counts(path).right, rights);         \
    EXPECT_EQ(counts(path).regret, regrets)

TEST(Regret, IsOpenUntilSomethingTells) {
    const Path path = observing();
    EXPECT_MARKS(path, 1U, 0U, 0U);
    EXPECT_TRUE(path.probes().empty());
}

TEST(Regret, IsWhenTheFlowGoesOn) {
    Path path = observing();
    path.server(data(5001, 1002, 10));
    EXPECT_MARKS(path, 1U, 0U, 1U);
}

TEST(Regret, IsWhenTheHolderClosesInGoodOrder) {
    Path path = observing();
    path.server(fin(5001, 1002));
    path.client(ack(1002, 5002));
    path.wait(minutes(10));
    EXPECT_MARKS(path, 1U, 0U, 1U);
}

TEST(Regret, IsNotWhenOnlyKeepalivesCome) {
    Path path = observing();
    path.server(ack(5000, 1002));
    path.client(ack(1002, 5001));
    EXPECT_MARKS(path, 1U, 0U, 0U);
}

TEST(Regret, IsNotWhenAPeerResets) {
    Path path = observing();
    path.server(rst(5001));
    EXPECT_MARKS(path, 1U, 1U, 0U);
    path.wait(minutes(10));
    EXPECT_MARKS(path, 1U, 1U, 0U);
}

TEST(Regret, IsNotWhenNothingEverComes) {
    Path path = observing();
    path.wait(std::chrono::hours(24 * 6));
    EXPECT_EQ(path.engine.gauges().flows, 0U);
    EXPECT_MARKS(path, 1U, 1U, 0U);
}

TEST(Regret, IsCountedEachTimeThatTheFlowWouldHaveBeenReset) {
    Path path = observing();
    path.server(data(5001, 1002, 10));
    path.client(ack(1002, 5011));
    path.wait(seconds(4));
    path.server(data(5011, 1002, 10));
    EXPECT_MARKS(path, 2U, 0U, 2U);
}

TEST(Regret, IsKeptThroughAReload) {
    Path path = observing();
    Tuning tuning;
    tuning.policies = path.engine.policies();
    tuning.observe = true;
    path.engine.tune(path.now, tuning);
    path.wait(seconds(4));
    EXPECT_MARKS(path, 1U, 0U, 0U);
    path.server(data(5001, 1002, 10));
    EXPECT_MARKS(path, 1U, 0U, 1U);
}

TEST(Regret, IsNotCountedOfAnEndThatAnOperatorHasRequested) {
    Path path = observing();
    ASSERT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested);
    path.wait(minutes(10));
    EXPECT_GT(path.engine.counters().resets_sent, 0U);
    EXPECT_MARKS(path, 1U, 0U, 0U);
}

TEST(Regret, IsNotCountedOfAFlowThatGoesOnInSpiteOfAKill) {
    Path path = observing();
    ASSERT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested);
    path.wait(milliseconds(500));
    ASSERT_GT(path.engine.counters().resets_sent, 0U);
    path.server(data(5001, 1002, 10));
    EXPECT_MARKS(path, 1U, 0U, 0U);
}

TEST(Regret, IsNotCountedOfAnEndThatEnforceHasMade) {
    Path path = observing();
    Tuning tuning;
    tuning.policies = path.engine.policies();
    path.engine.tune(path.now, tuning);
    path.wait(minutes(10));
    EXPECT_GT(path.engine.counters().resets_sent, 0U);
    EXPECT_MARKS(path, 1U, 0U, 0U);
}

TEST(Distribution, HoldsHowLongOrderlyHalfClosesLastedAndWereIdle) {
    Path path(all_packets());
    path.client_half_closed();
    path.wait(seconds(15));
    path.server(data(5001, 1002, 10));
    path.client(ack(1002, 5011));
    path.wait(seconds(8));
    path.server(fin(5011, 1002));
    path.client(ack(1002, 5012));
    EXPECT_EQ(counts(path).lasted.bound_of(1), Duration(seconds(30)));
    EXPECT_EQ(counts(path).longest_idle.bound_of(1), Duration(seconds(20)));
}

TEST(Distribution, LeavesOutThoseThatWereReset) {
    Path path(all_packets());
    path.client_half_closed();
    path.wait(seconds(15));
    path.server(rst(5001));
    EXPECT_EQ(counts(path).lasted.count(), 0U);
}

}  // namespace
}  // namespace finwait::engine::testing
