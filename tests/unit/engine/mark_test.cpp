// What is sent in a side's name is routed as that side's own segments are.
#include "support/path.hpp"

namespace finwait::engine::testing {
namespace {

tcp::Segment marked(tcp::Segment segment, std::uint32_t mark) {
    segment.mark = mark;
    return segment;
}

/// The client's segments carry mark 1, the server's mark 2.
void half_closed(Path& path) {
    path.client(marked(syn(1000), 1));
    path.server(marked(syn_ack(5000, 1001), 2));
    path.client(marked(ack(1001, 5001), 1));
    path.client(marked(fin(1001, 5001), 1));
    path.server(marked(ack(5001, 1002), 2));
}

TEST(Marks, OfProbesAreThoseOfTheSideInWhoseNameTheyAsk) {
    Path path(asking());
    half_closed(path);
    path.wait(seconds(4));
    ASSERT_GE(path.probes().size(), 2U);
    for (const tcp::Segment& probe : path.probes())
        EXPECT_EQ(probe.mark, probe.source.port == 80 ? 2U : 1U);
}

TEST(Marks, OfResetsAreTheLatestOnesThatWereSeen) {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(3);
    t.on_expiry = policy::OnExpiry::reset;
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet({}, t);
    Path path(std::move(options));
    half_closed(path);
    path.server(marked(data(5001, 1002, 10), 3));
    path.client(marked(ack(1002, 5011), 1));
    path.wait(seconds(4));
    ASSERT_EQ(path.resets().size(), 2U);
    for (const tcp::Segment& reset : path.resets())
        EXPECT_EQ(reset.mark, reset.source.port == 80 ? 3U : 1U);
}

TEST(Marks, OfSegmentsThatCannotBeTheFlowsChangeNothing) {
    Path path(asking());
    half_closed(path);
    path.server(marked(data(5001 + 0x1000'0000, 1002, 10), 9));
    path.wait(seconds(4));
    EXPECT_EQ(path.engine.counters().packets_invalid, 1U);
    for (const tcp::Segment& probe : path.probes())
        EXPECT_EQ(probe.mark, probe.source.port == 80 ? 2U : 1U);
}

}  // namespace
}  // namespace finwait::engine::testing
