// Probes after a restart: a timestamp that is too old by now would have them thrown away (RFC 7323, 5.3).
#include "support/restarted.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::SizeIs;

tcp::Segment stamped(tcp::Segment s, std::uint32_t value) {
    s.options |= tcp::option::timestamps;
    s.ts_value = value;
    return s;
}

/// Half-closed by the client, which has sent 3 at last, as the server has.
Path stamping() {
    Path path(with(policy::OnExpiry::probe));
    path.client(stamped(syn(1000), 1));
    path.server(stamped(syn_ack(5000, 1001), 1));
    path.client(stamped(ack(1001, 5001), 2));
    path.client(stamped(fin(1001, 5001), 3));
    path.server(stamped(ack(5001, 1002), 3));
    return path;
}

std::vector<tcp::Segment> probes_to_server(const Path& path) {
    std::vector<tcp::Segment> out;
    for (const tcp::Segment& probe : path.probes())
        if (probe.destination.port == 80) out.push_back(probe);
    return out;
}

TEST(RecalledTimestamps, EveryOtherProbeGoesWithoutATimestampThatMayBeTooOldThoughTheNumbersAreProven) {
    Path after = restarted(stamping(), with(policy::OnExpiry::probe));
    after.server(stamped(ack(5001, 1002), 9));
    ASSERT_TRUE(after.flow().side[0].exact) << "proven by the holder's word";
    after.wait(seconds(40));
    const auto probes = probes_to_server(after);
    ASSERT_GE(probes.size(), 2U);
    EXPECT_TRUE(probes[0].offers(tcp::option::timestamps));
    EXPECT_FALSE(probes[1].offers(tcp::option::timestamps));
}

TEST(RecalledTimestamps, AnAnswerBringsTheTimestampUpToDate) {
    Path after = restarted(stamping(), with(policy::OnExpiry::probe), seconds(7));
    after.wait(seconds(1));
    EXPECT_EQ(after.client(stamped(ack(1002, 5001), 7000)), Verdict::accept);
    after.wait(seconds(40));
    const auto probes = probes_to_server(after);
    ASSERT_GE(probes.size(), 3U);
    EXPECT_EQ(probes[0].ts_value, 3U);
    for (std::size_t i = 1; i < probes.size(); ++i) {
        EXPECT_TRUE(probes[i].offers(tcp::option::timestamps));
        EXPECT_EQ(probes[i].ts_value, 7000U);
    }
}

TEST(RecalledTimestamps, EveryOtherProbeWithRecalledNumbersGoesWithoutATimestamp) {
    Path after = restarted(stamping(), with(policy::OnExpiry::probe), seconds(7));
    after.wait(seconds(16));
    const auto probes = after.probes();
    ASSERT_THAT(probes, SizeIs(4));
    EXPECT_TRUE(probes[0].offers(tcp::option::timestamps));
    EXPECT_FALSE(probes[2].offers(tcp::option::timestamps));
}

TEST(RecalledTimestamps, AnOrphansWordDoesNotKeepTheHolderFromProvingTheNumbers) {
    Path before(with(policy::OnExpiry::probe));
    before.handshake();
    tcp::Segment counted = fin(1001, 5001);
    counted.ip_id = 77;
    before.client(counted);
    before.server(ack(5001, 1002));
    Path after = restarted(before, with(policy::OnExpiry::probe));
    after.wait(seconds(7));
    ASSERT_THAT(after.probes(), SizeIs(2));
    after.client(ack(1002, 5001));
    after.wait(milliseconds(10));
    EXPECT_EQ(after.flow().subject.phase, flow::Phase::probing);
    after.server(ack(5001, 1002));
    after.wait(milliseconds(650));
    after.client(ack(1002, 5001));
    after.wait(seconds(1));
    EXPECT_THAT(after.resets(), SizeIs(2));
}

}  // namespace
}  // namespace finwait::engine::testing
