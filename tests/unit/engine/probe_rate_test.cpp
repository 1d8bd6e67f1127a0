// How fast probes leave, and who goes first where there are more of them than may leave.
#include "support/path.hpp"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::IsEmpty;

constexpr std::uint16_t kFirstPort = 10'000;

Options limited(policy::OnExpiry on_expiry, std::uint32_t resets, std::uint32_t probes) {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(3);
    t.on_expiry = on_expiry;
    t.probe_interval = seconds(2);
    t.probe_attempts = 3;
    Options options = all_packets();
    options.max_flows = 4000;  // so that no timeout is shorter for the table's being full
    options.tuning.policies = policy::PolicySet({}, t);
    options.tuning.resets_per_second = resets;
    options.tuning.probes_per_second = probes;
    return options;
}

Path with_half_closes(const Options& options, std::uint16_t count) {
    Path path(options);
    for (std::uint16_t i = 0; i < count; ++i) {
        path.use_port(static_cast<std::uint16_t>(kFirstPort + i));
        path.client_half_closed();
    }
    return path;
}

/// The client ports of the flows that were sent something, each once.
std::set<std::uint16_t> ports(const std::vector<tcp::Segment>& segments) {
    std::set<std::uint16_t> out;
    for (const tcp::Segment& s : segments)
        out.insert(s.source.port == 80 ? s.destination.port : s.source.port);
    return out;
}

/// How many probes leave in each of so many tenths of a second.
std::vector<std::size_t> by_tenth(Path& path, int tenths) {
    std::vector<std::size_t> out;
    for (int i = 0; i < tenths; ++i) {
        const std::size_t before = path.probes().size();
        path.wait(milliseconds(100));
        out.push_back(path.probes().size() - before);
    }
    return out;
}

TEST(ProbeRate, ProbesThatAreDueTogetherLeaveEvenlySpreadAndTheFirstOnesFirst) {
    Path path = with_half_closes(limited(policy::OnExpiry::probe, 100, 100), 400);
    path.wait(milliseconds(3100));
    EXPECT_THAT(by_tenth(path, 78), ::testing::Each(::testing::AllOf(::testing::Ge(8U), ::testing::Le(12U))));
    path.wait(milliseconds(300));
    auto probes = path.probes();
    ASSERT_GE(probes.size(), 800U);
    probes.resize(800);
    EXPECT_EQ(ports(probes).size(), 400U) << "no second probe before everybody has had the first";
    EXPECT_GT(path.engine.counters().probes_delayed, 300U);
}

TEST(ProbeRate, ALowRateLetsNoSecondsWorthLeaveAtOnce) {
    Path path = with_half_closes(limited(policy::OnExpiry::probe, 5, 5), 400);
    EXPECT_THAT(by_tenth(path, 130), ::testing::Each(::testing::Le(2U)));
    EXPECT_NEAR(static_cast<double>(path.probes().size()), 50, 3);
}

TEST(ProbeRate, FlowsThatAreDueTogetherAreNotAskedAtTheSameMomentEvenWhereTheRateAllowsIt) {
    Path path = with_half_closes(limited(policy::OnExpiry::probe, 1'000'000, 1'000'000), 400);
    path.wait(milliseconds(2990));
    std::size_t most = 0;
    for (int i = 0; i < 20; ++i) {
        const std::size_t before = path.probes().size();
        path.wait(milliseconds(4));
        most = std::max(most, path.probes().size() - before);
    }
    EXPECT_EQ(path.probes().size(), 800U);
    EXPECT_LT(most, 200U);
}

TEST(ProbeRate, HoldsForWhatIsVerifiedAfterALoss) {
    policy::Timeouts t;
    t.fin_wait_2 = minutes(10);
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet({}, t);
    options.tuning.probes_per_second = 20;
    Path path = with_half_closes(options, 300);
    path.engine.on_loss(path.now, 1);
    EXPECT_THAT(by_tenth(path, 100), ::testing::Each(::testing::Le(4U)));
    EXPECT_NEAR(static_cast<double>(path.probes().size()), 160, 8) << "two seconds after the loss it begins";
}

TEST(ProbeRate, HoldsForConnectionsThatAreAdopted) {
    Options options = all_packets();
    options.tuning.probes_per_second = 20;
    Path path(options);
    for (std::uint16_t i = 0; i < 300; ++i) {
        const Adoptee adoptee{{*tcp::Address::parse("10.99.1.2"), static_cast<std::uint16_t>(kFirstPort + i)},
                              {*tcp::Address::parse("10.99.2.2"), 80},
                              tcp::Role::client,
                              path.now,
                              path.now};
        ASSERT_TRUE(path.engine.adopt(path.now, adoptee));
    }
    EXPECT_THAT(by_tenth(path, 100), ::testing::Each(::testing::Le(4U)));
    EXPECT_NEAR(static_cast<double>(path.probes().size()), 190, 12);
}

TEST(ProbeRate, HoldsForProbesThatMakeSureOfAReset) {
    Path path = with_half_closes(limited(policy::OnExpiry::reset, 10'000, 20), 300);
    path.wait(milliseconds(3200));
    EXPECT_EQ(ports(path.resets()).size(), 300U);
    EXPECT_THAT(by_tenth(path, 100), ::testing::Each(::testing::Le(4U)));
    EXPECT_GT(path.probes().size(), 150U);
}

TEST(ProbeRate, IsAnotherAfterAReload) {
    const Options slow = limited(policy::OnExpiry::probe, 1000, 10);
    Path path = with_half_closes(slow, 400);
    path.wait(milliseconds(4100));
    EXPECT_NEAR(static_cast<double>(path.probes().size()), 10, 3);
    path.engine.tune(path.now, limited(policy::OnExpiry::probe, 1000, 500).tuning);
    EXPECT_THAT(by_tenth(path, 10), ::testing::Each(::testing::Le(54U)));
    EXPECT_NEAR(static_cast<double>(path.probes().size()), 510, 20);
    path.engine.tune(path.now, slow.tuning);
    EXPECT_THAT(by_tenth(path, 10), ::testing::Each(::testing::Le(2U)));
}

TEST(ProbeRate, ManyReloadsLetNothingMoreLeave) {
    const Options slow = limited(policy::OnExpiry::probe, 1000, 10);
    Path path = with_half_closes(slow, 200);
    path.wait(milliseconds(3100));
    const std::size_t before = path.probes().size();
    for (int i = 0; i < 200; ++i) {
        path.engine.tune(path.now, slow.tuning);
        path.wait(milliseconds(5));
    }
    EXPECT_NEAR(static_cast<double>(path.probes().size() - before), 10, 4);
}

TEST(ProbeRate, HoldsForProbesOfSomebodyElse) {
    Path path(limited(policy::OnExpiry::probe, 5, 10));
    int taken = 0;
    for (int i = 0; i < 1000; ++i) {
        taken += path.engine.take_probes(path.now, 2) ? 2 : 0;
        path.now = path.now + milliseconds(1);
    }
    EXPECT_NEAR(taken, 10, 2);
}

TEST(Waiting, AKillGoesBeforeThousandsOfOrphans) {
    Path path = with_half_closes(limited(policy::OnExpiry::reset, 2, 1000), 900);
    path.wait(seconds(4));
    const auto victim = path.flows("client-port 10899");
    ASSERT_EQ(victim.size(), 1U);
    EXPECT_EQ(path.engine.kill(path.now, victim[0].id), KillResult::requested);
    path.wait(milliseconds(600));
    EXPECT_TRUE(ports(path.resets()).contains(10'899));
    EXPECT_LE(ports(path.resets()).size(), 6U) << "at the rate, not beside it";
}

TEST(Waiting, TheProbesThatMakeSureOfAKillGoBeforeThousandsOfInquiries) {
    Path path = with_half_closes(limited(policy::OnExpiry::probe, 1000, 4), 900);
    path.wait(seconds(4));
    path.use_port(20'000);
    path.client_half_closed();
    const auto victim = path.flows("client-port 20000");
    ASSERT_EQ(victim.size(), 1U);
    EXPECT_EQ(path.engine.kill(path.now, victim[0].id), KillResult::requested);
    path.wait(milliseconds(200));
    EXPECT_TRUE(ports(path.resets()).contains(20'000));
    path.wait(milliseconds(1700));
    EXPECT_TRUE(ports(path.probes()).contains(20'000));
}

TEST(Waiting, WhoComesBackToLifeKeepsNobodyBack) {
    Path path = with_half_closes(limited(policy::OnExpiry::reset, 10, 1000), 300);
    path.wait(seconds(4));
    for (std::uint16_t i = 20; i < 220; ++i) {
        path.use_port(static_cast<std::uint16_t>(kFirstPort + i));
        path.server(data(5001, 1002, 1));
        path.client(ack(1002, 5002));
    }
    path.wait(seconds(10));
    const auto reset = ports(path.resets());
    for (std::uint16_t i = 220; i < 300; ++i)
        EXPECT_TRUE(reset.contains(static_cast<std::uint16_t>(kFirstPort + i))) << i;
    EXPECT_LE(reset.size(), 115U) << "at the rate all the same";
}

TEST(Waiting, WhoWaitsIsForgottenWhenItsConnectionEnds) {
    Path path = with_half_closes(limited(policy::OnExpiry::probe, 1000, 2), 300);
    path.wait(seconds(4));
    for (std::uint16_t i = 0; i < 300; ++i) {
        path.use_port(static_cast<std::uint16_t>(kFirstPort + i));
        path.server(fin(5001, 1002));
        path.client(ack(1002, 5002));
    }
    const std::size_t before = path.probes().size();
    path.wait(minutes(10));
    EXPECT_EQ(path.probes().size(), before);
    EXPECT_THAT(path.flows(), IsEmpty());
    path.use_port(20'000);
    path.client_half_closed();
    path.wait(milliseconds(3100));
    EXPECT_EQ(path.probes().size(), before + 2) << "the next one does not wait for those";
}

}  // namespace
}  // namespace finwait::engine::testing
