// What an engine saves, octet by octet: it reads back to the same, and whatever else is there does no harm.
#include "support/restarted.hpp"

#include <random>

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::SizeIs;

TEST(Snapshot, WhatIsReadIsWrittenAgainAsTheSameBytes) {
    Path before(with(policy::OnExpiry::probe, selective()));
    for (std::uint16_t port = 40000; port < 40030; ++port) {
        before.use_port(port);
        before.handshake();
        tcp::Segment marked = ack(1001, 5001);
        marked.mark = port;
        before.client(marked);
        if (port % 3 > 0) before.client(fin(1001, 5001));
        if (port % 3 > 1) before.server(ack(5001, 1002));
    }
    for (const Octets& batch : saved(before)) {
        OctetReader in(batch);
        Octets again;
        OctetWriter out(again);
        out.put(in.take<std::uint32_t>());
        while (in.ok() && in.left() > 0) {
            const Kept kept = read_record(in, before.now);
            write_record(out, kept.slot, kept.record, before.now);
        }
        EXPECT_TRUE(in.ok());
        EXPECT_EQ(again, batch);
    }
}

TEST(Snapshot, NamesAreKeptAndNoneIsGivenTwice) {
    Path before(with(policy::OnExpiry::reset));
    for (std::uint16_t port = 40000; port < 40010; ++port) {
        before.use_port(port);
        before.handshake();
    }
    before.use_port(40003);
    before.client(rst(1001));
    before.wait(seconds(30));
    const auto was = before.flows();
    ASSERT_THAT(was, SizeIs(9));
    Path after = restarted(before, with(policy::OnExpiry::reset));
    const auto is = after.flows();
    ASSERT_THAT(is, SizeIs(9));
    for (std::size_t i = 0; i < is.size(); ++i)
        EXPECT_EQ(is[i].id, was[i].id);
    after.use_port(50000);
    after.handshake();
    for (const FlowReport& flow : after.flows("client-port 50000")) {
        EXPECT_EQ(flow.id.slot, 3U);
        EXPECT_EQ(flow.id.generation, 2U);  // the first name of that slot was another flow's
    }
}

TEST(Snapshot, ASmallerTableTakesWhatFits) {
    Path before(all_packets());
    for (std::uint16_t port = 40000; port < 40010; ++port) {
        before.use_port(port);
        before.handshake();
    }
    Options small = all_packets();
    small.max_flows = 4;
    EXPECT_THAT(restarted(before, small).flows(), SizeIs(4));
}

TEST(Snapshot, ABatchThatIsCutOffAnywhereIsRefused) {
    const Path before = half_closed(policy::OnExpiry::reset);
    const Octets batch = saved(before).front();
    for (std::size_t length = 5; length < batch.size(); ++length)
        EXPECT_FALSE(readable(std::span(batch).first(length), before.now)) << length;
    EXPECT_FALSE(readable(std::span(batch).first(3), before.now));
}

TEST(Snapshot, NoBytesWhateverTheyAreDoHarm) {
    const Path before = half_closed(policy::OnExpiry::reset);
    const Octets batch = saved(before).front();
    std::mt19937 random(1);
    const auto live_on = [&](const Octets& octets) {
        const std::vector<std::span<const std::uint8_t>> views{octets};
        Path after(with(policy::OnExpiry::reset));
        after.now = before.now;
        after.engine.restore(after.now, before.now, views);
        after.client(ack(1002, 5001));
        after.server(data(5001, 1002, 10));
        after.client(fin(1002, 5011));
        after.wait(seconds(20));
        static_cast<void>(saved(after));
    };
    for (std::size_t bit = 0; bit < batch.size() * 8; ++bit) {
        Octets flipped = batch;
        flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        live_on(flipped);
    }
    for (int i = 0; i < 2000; ++i) {
        Octets noise(random() % 1200);
        for (std::uint8_t& octet : noise)
            octet = static_cast<std::uint8_t>(random());
        live_on(noise);
    }
}

TEST(Snapshot, AFlowThatIsThereTwiceIsTakenOnce) {
    const Path before = half_closed(policy::OnExpiry::reset);
    const Octets batch = saved(before).front();
    const std::vector<std::span<const std::uint8_t>> views{batch, batch};
    Path after(with(policy::OnExpiry::reset));
    after.now = before.now;
    EXPECT_EQ(after.engine.restore(after.now, before.now, views), 1U);
    EXPECT_EQ(after.engine.gauges().half_closed, 1U);
}

}  // namespace
}  // namespace finwait::engine::testing
