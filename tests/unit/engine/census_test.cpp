// Half-closed flows by closer and age, and what became of asking and resetting, as the engine counts them.
#include "engine/census.hpp"

#include "support/path.hpp"

#include <numeric>

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using tcp::Role;

Instant at(std::int64_t second) {
    return Instant(seconds(second));
}

/// The bucket that the only one of these ages is in; the number of buckets when there is not exactly one.
std::size_t only(const policy::Lasting& ages) {
    const auto& buckets = ages.buckets();
    if (ages.count() != 1) return buckets.size();
    return static_cast<std::size_t>(std::ranges::find(buckets, 1U) - buckets.begin());
}

std::size_t bucket_of(Duration age) {
    policy::Lasting one;
    one.add(age);
    return only(one);
}

std::uint64_t count(const Path& path, Answer answer) {
    return path.engine.counters().answers[static_cast<std::size_t>(answer)];
}

TEST(Census, TellsHowOldEachFlowIsAsTimePasses) {
    Census census;
    census.add(Role::client, at(100));
    for (const int age : {0, 1, 7, 59, 61, 3599, 3601, 14'000, 20'000})
        EXPECT_EQ(only(census.ages(at(100 + age))), bucket_of(seconds(age))) << age;
}

TEST(Census, KeepsCountOfFlowsThatAreOlderThanItRemembersTheSecondOf) {
    Census census;
    census.add(Role::client, at(0));
    census.add(Role::server, at(1'000'000));
    EXPECT_EQ(census.ages(at(1'000'000)).buckets().back(), 1U);
    EXPECT_EQ(census.ages(at(1'000'000)).count(), 2U);
    census.remove(Role::client, at(0));
    EXPECT_EQ(only(census.ages(at(1'000'000))), bucket_of(seconds(0)));
    census.remove(Role::server, at(1'000'000));
    EXPECT_EQ(census.ages(at(1'000'000)).count(), 0U);
    EXPECT_EQ(census.count(), 0U);
}

TEST(Census, TakesWhatIsSaidToHaveBegunBeforeTheClockForAsOldAsTheClock) {
    Census census;
    census.add(Role::server, at(-5000));
    EXPECT_EQ(only(census.ages(at(10))), bucket_of(seconds(10)));
    census.remove(Role::server, at(-5000));
    EXPECT_EQ(census.count(), 0U);
}

TEST(Census, ForgetsNothingOverManyFlows) {
    Census census;
    for (std::int64_t second = 0; second < 50'000; second += 7)
        census.add(Role::client, at(second));
    EXPECT_EQ(census.ages(at(50'000)).count(), census.count());
    for (std::int64_t second = 0; second < 50'000; second += 7)
        census.remove(Role::client, at(second));
    EXPECT_EQ(census.ages(at(50'000)).count(), 0U);
}

TEST(Counting, HalfClosedFlowsAreCountedByTheirCloserAndOnlyWhileTheyAre) {
    Path path(all_packets());
    path.client_half_closed();
    path.use_port(40001);
    path.handshake();
    path.server(fin(5001, 1001));
    path.client(ack(1001, 5002));
    EXPECT_THAT(path.engine.gauges().half_closed_by, ::testing::ElementsAre(1U, 1U));
    path.wait(seconds(20));
    EXPECT_EQ(path.engine.half_closed_ages(path.now).buckets()[bucket_of(seconds(20))], 2U);
    path.client(fin(1001, 5002));
    path.server(ack(5002, 1002));
    EXPECT_THAT(path.engine.gauges().half_closed_by, ::testing::ElementsAre(1U, 0U));
    EXPECT_EQ(path.engine.half_closed_ages(path.now).count(), 1U);
}

Options probing() {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(3);
    t.probe_interval = seconds(1);
    t.probe_attempts = 3;
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet({}, t);
    return options;
}

TEST(Counting, SilentSidesAndTheOutcomeOfTheirResetAreCounted) {
    Path path(probing());
    path.client_half_closed();
    path.wait(seconds(30));
    EXPECT_EQ(count(path, Answer::silent), 2U);
    EXPECT_EQ(count(path, Answer::alive), 0U);
    const PolicyCounts counts = path.engine.policy_counts().front();
    EXPECT_EQ(counts.unconfirmed, 1U);
    EXPECT_EQ(counts.confirmed + counts.refused, 0U);
    EXPECT_EQ(path.engine.gauges().half_closed, 0U);
}

TEST(Counting, ASideThatAnswersIsCountedAsAliveAndOneThatIsGoneAsGone) {
    Path path(probing());
    path.client_half_closed();
    path.wait(seconds(3) + milliseconds(100));
    path.client(ack(1002, 5001));
    path.server(rst(5001));
    EXPECT_EQ(count(path, Answer::alive), 1U);
    EXPECT_EQ(count(path, Answer::gone), 1U);
}

}  // namespace
}  // namespace finwait::engine::testing
