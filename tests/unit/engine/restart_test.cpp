// A restart: what an engine has saved, another one takes over.

#include "engine/snapshot.hpp"
#include "support/path.hpp"

#include <random>

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Octets = std::vector<std::uint8_t>;

std::vector<Octets> saved(const Path& path, std::uint32_t slots = 16) {
    std::vector<Octets> batches;
    std::optional<std::uint32_t> cursor = 0;
    while (cursor)
        cursor = path.engine.save(path.now, *cursor, slots, batches.emplace_back());
    return batches;
}

/// A daemon's life after `before`'s, begun `down` later.
Path restarted(const Path& before, Options options, Duration down = seconds(0)) {
    const std::vector<Octets> batches = saved(before);
    const std::vector<std::span<const std::uint8_t>> views(batches.begin(), batches.end());
    Path after(std::move(options));
    after.now = before.now + down;
    for (const auto view : views)
        EXPECT_TRUE(readable(view, before.now));
    after.engine.restore(after.now, before.now, views);
    return after;
}

Options with(policy::OnExpiry on_expiry, Options options = all_packets()) {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(6);
    t.on_expiry = on_expiry;
    options.tuning.policies = policy::PolicySet({}, t);
    return options;
}

Path half_closed(policy::OnExpiry on_expiry) {
    Path path(with(on_expiry));
    path.client_half_closed();
    path.wait(seconds(3));
    return path;
}

/// What conntrack says may be the closer's repeated FIN: nobody is ended by it.
TEST(Restart, AHalfClosedFlowThatConntrackHasSeenEndIsAskedBeforeItsTime) {
    Path path = restarted(half_closed(policy::OnExpiry::probe), with(policy::OnExpiry::probe));
    const Hint over{
        {*tcp::Address::parse("10.99.1.2"), 40000}, {*tcp::Address::parse("10.99.2.2"), 80}, Belief::over};
    EXPECT_TRUE(path.engine.on_hint(path.now, path.now, over));
    EXPECT_EQ(path.flow().subject.closer, tcp::Role::client);
    path.wait(milliseconds(100));
    EXPECT_THAT(path.probes(), SizeIs(2));
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(seconds(2));
    EXPECT_EQ(path.flow().subject.closer, tcp::Role::client);
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(Restart, AFlowIsTheSameBeforeAndAfter) {
    Path before(with(policy::OnExpiry::reset));
    before.client_half_closed();
    before.wait(seconds(3));
    const FlowReport was = before.flow();
    const Path after = restarted(before, with(policy::OnExpiry::reset), seconds(1));
    const FlowReport is = after.flow();
    EXPECT_EQ(is.id, was.id);
    EXPECT_EQ(is.subject.client, was.subject.client);
    EXPECT_EQ(is.subject.client_state, tcp::State::fin_wait_2);
    EXPECT_EQ(is.subject.server_state, tcp::State::close_wait);
    EXPECT_EQ(is.subject.closer, was.subject.closer);
    EXPECT_EQ(is.subject.age, was.subject.age + seconds(1));
    EXPECT_EQ(*is.subject.idle, *was.subject.idle + seconds(1));
    EXPECT_EQ(*is.expires_in, *was.expires_in - seconds(1));
    EXPECT_EQ(is.opened, was.opened);
    ASSERT_EQ(is.trail.size(), was.trail.size());
    for (std::size_t i = 0; i < is.trail.size(); ++i) {
        EXPECT_EQ(is.trail[i].at, was.trail[i].at);
        EXPECT_EQ(is.trail[i].state, was.trail[i].state);
        EXPECT_EQ(is.trail[i].seq, was.trail[i].seq);
        EXPECT_EQ(is.trail[i].flags, was.trail[i].flags);
    }
    EXPECT_EQ(after.engine.gauges().half_closed, 1U);
    EXPECT_EQ(after.engine.policy_counts()[0].flows, 1U);
}

TEST(Restart, WhatIsReadIsWrittenAgainAsTheSameBytes) {
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

TEST(Restart, NamesAreKeptAndNoneIsGivenTwice) {
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

TEST(Restart, ASmallerTableTakesWhatFits) {
    Path before(all_packets());
    for (std::uint16_t port = 40000; port < 40010; ++port) {
        before.use_port(port);
        before.handshake();
    }
    Options small = all_packets();
    small.max_flows = 4;
    EXPECT_THAT(restarted(before, small).flows(), SizeIs(4));
}

TEST(Restart, AFlowThatIsStillTheSameIsAskedAndThenResetAtItsTime) {
    Path after = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset), seconds(1));
    after.wait(milliseconds(1900));
    EXPECT_THAT(after.probes(), IsEmpty());
    after.wait(milliseconds(200));
    ASSERT_THAT(after.probes(), SizeIs(2));
    EXPECT_THAT(after.resets(), IsEmpty()) << "its numbers are not confirmed yet";
    EXPECT_EQ(after.client(ack(1002, 5001)), Verdict::drop);
    EXPECT_EQ(after.server(ack(5001, 1002)), Verdict::drop);
    after.wait(milliseconds(10));
    ASSERT_THAT(after.resets(), SizeIs(2));
    EXPECT_EQ(after.resets()[0].text(), "10.99.2.2:80 > 10.99.1.2:40000 RST|ACK seq 5001 ack 1002 len 0");
    EXPECT_EQ(after.resets()[1].text(), "10.99.1.2:40000 > 10.99.2.2:80 RST|ACK seq 1002 ack 5001 len 0");
}

TEST(Restart, TheHoldersWordIsEnoughAndTheClosersIsNot) {
    Path after = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset), seconds(4));
    after.client(ack(1002, 5001));
    after.wait(seconds(1));
    EXPECT_THAT(after.resets(), IsEmpty()) << "the holder may have sent what has not arrived";
    after.server(ack(5001, 1002));
    after.wait(milliseconds(10));
    EXPECT_THAT(after.resets(), SizeIs(2));

    Path other = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset), seconds(4));
    other.wait(milliseconds(10));
    other.server(ack(5001, 1002));
    other.wait(milliseconds(10));
    EXPECT_THAT(other.resets(), SizeIs(2));
}

TEST(Restart, AHolderThatIsSilentIsResetByTheEndOfTheFinThatItAcknowledged) {
    Path after = restarted(half_closed(policy::OnExpiry::probe), with(policy::OnExpiry::probe), seconds(4));
    after.wait(milliseconds(10));
    after.client(ack(1002, 5001));
    after.wait(seconds(80));
    EXPECT_THAT(after.resets(), SizeIs(2));
}

TEST(Restart, WithoutAWordFromEitherSideNothingIsReset) {
    for (const auto on_expiry : {policy::OnExpiry::probe, policy::OnExpiry::reset}) {
        Path after = restarted(half_closed(on_expiry), with(on_expiry), seconds(4));
        after.wait(minutes(14));
        EXPECT_THAT(after.probes(), SizeIs(10));
        EXPECT_THAT(after.resets(), IsEmpty());
        EXPECT_THAT(after.events(), Contains(EventType::left));
        EXPECT_THAT(after.flows("state fin-wait-2"), SizeIs(1));
    }
}

TEST(Restart, DataThatPassedUnseenIsProgressAndItsNumbersAreLearnt) {
    Path after = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset), seconds(10));
    after.wait(milliseconds(10));
    ASSERT_THAT(after.probes(), SizeIs(2));
    EXPECT_EQ(after.client(ack(1002, 5801)), Verdict::accept);
    EXPECT_EQ(after.server(ack(5801, 1002)), Verdict::accept);
    EXPECT_LT(*after.flow().subject.idle, seconds(1));
    after.wait(milliseconds(5900));
    EXPECT_THAT(after.resets(), IsEmpty());
    after.wait(milliseconds(200));
    ASSERT_THAT(after.resets(), SizeIs(2));
    EXPECT_EQ(after.resets()[0].seq, tcp::Seq(5801));
}

TEST(Restart, WhoseAnswerDidNotComeIsAskedAgain) {
    Path after = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset), seconds(10));
    after.wait(milliseconds(10));
    after.server(ack(5801, 1002));
    after.wait(milliseconds(6100));
    ASSERT_THAT(after.probes(), SizeIs(4));
    EXPECT_THAT(after.resets(), IsEmpty());
    EXPECT_EQ(after.client(ack(1002, 5801)), Verdict::drop);
    after.wait(milliseconds(10));
    ASSERT_THAT(after.resets(), SizeIs(2));
    EXPECT_EQ(after.resets()[0].seq, tcp::Seq(5801));
}

TEST(Restart, AHolderThatSentUnseenAndThenFellSilentIsResetToo) {
    Path after = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset), seconds(10));
    after.wait(milliseconds(10));
    after.client(ack(1002, 5801));
    after.wait(seconds(90));
    ASSERT_THAT(after.resets(), SizeIs(2));
    EXPECT_EQ(after.resets()[0].seq, tcp::Seq(5801));
    EXPECT_EQ(after.resets()[1].seq, tcp::Seq(1002));
}

TEST(Restart, DataThatComesAfterwardsGoesOnWhereItWas) {
    Path after = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset), seconds(1));
    after.server(data(5001, 1002, 100));
    after.client(ack(1002, 5101));
    after.wait(milliseconds(5900));
    EXPECT_THAT(after.resets(), IsEmpty());
    after.wait(milliseconds(200));
    EXPECT_THAT(after.probes(), IsEmpty()) << "both have been heard";
    ASSERT_THAT(after.resets(), SizeIs(2));
    EXPECT_EQ(after.resets()[0].seq, tcp::Seq(5101));
}

TEST(Restart, ForgedNumbersDoNotTakeTheClaimAway) {
    Path after = restarted(half_closed(policy::OnExpiry::reset), with(policy::OnExpiry::reset));
    after.client(ack(9000, 5001));
    after.client(data(1002, 5001, 10));
    after.server(ack(6000, 1500));
    after.server(data(700000, 900, 10));
    after.client(rst(1500));
    after.wait(milliseconds(3010));
    ASSERT_THAT(after.probes(), SizeIs(2));
    after.client(ack(1002, 5001));
    after.server(ack(5001, 1002));
    after.wait(milliseconds(10));
    EXPECT_THAT(after.resets(), SizeIs(2));
}

TEST(Restart, AConnectionThatIsGoneByThenIsFoundOut) {
    Path after = restarted(half_closed(policy::OnExpiry::probe), with(policy::OnExpiry::probe), seconds(10));
    after.wait(milliseconds(10));
    EXPECT_EQ(after.server(rst(5001)), Verdict::accept);
    after.client(rst(1002));
    after.wait(seconds(5));
    EXPECT_THAT(after.resets(), IsEmpty());
    EXPECT_THAT(after.flows("state fin-wait-2"), IsEmpty());
}

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

TEST(Restart, EveryOtherProbeGoesWithoutATimestampThatMayBeTooOldThoughTheNumbersAreProven) {
    Path after = restarted(stamping(), with(policy::OnExpiry::probe));
    after.server(stamped(ack(5001, 1002), 9));
    ASSERT_TRUE(after.flow().side[0].exact) << "proven by the holder's word";
    after.wait(seconds(40));
    const auto probes = probes_to_server(after);
    ASSERT_GE(probes.size(), 2U);
    EXPECT_TRUE(probes[0].offers(tcp::option::timestamps));
    EXPECT_FALSE(probes[1].offers(tcp::option::timestamps));
}

TEST(Restart, AnAnswerBringsTheTimestampUpToDate) {
    Path after = restarted(stamping(), with(policy::OnExpiry::probe), seconds(7));
    after.wait(seconds(1));
    EXPECT_EQ(after.client(stamped(ack(1002, 5001), 7000)), Verdict::drop);
    after.wait(seconds(40));
    const auto probes = probes_to_server(after);
    ASSERT_GE(probes.size(), 3U);
    EXPECT_EQ(probes[0].ts_value, 3U);
    for (std::size_t i = 1; i < probes.size(); ++i) {
        EXPECT_TRUE(probes[i].offers(tcp::option::timestamps));
        EXPECT_EQ(probes[i].ts_value, 7000U);
    }
}

TEST(Restart, EveryOtherProbeWithRecalledNumbersGoesWithoutATimestamp) {
    Path after = restarted(stamping(), with(policy::OnExpiry::probe), seconds(7));
    after.wait(seconds(16));
    const auto probes = after.probes();
    ASSERT_THAT(probes, SizeIs(4));
    EXPECT_TRUE(probes[0].offers(tcp::option::timestamps));
    EXPECT_FALSE(probes[2].offers(tcp::option::timestamps));
}

TEST(Restart, AnOrphansWordDoesNotKeepTheHolderFromProvingTheNumbers) {
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
    after.wait(seconds(1));
    EXPECT_THAT(after.resets(), SizeIs(2));
}

TEST(Restart, AKillAfterwardsAsksFirst) {
    Path after = restarted(half_closed(policy::OnExpiry::probe), with(policy::OnExpiry::probe));
    EXPECT_EQ(after.engine.kill(after.now, after.flow().id), KillResult::requested);
    after.wait(milliseconds(10));
    EXPECT_THAT(after.probes(), SizeIs(2));
    after.server(ack(5001, 1002));
    after.client(ack(1002, 5001));
    after.wait(seconds(1));
    EXPECT_THAT(after.resets(), SizeIs(2));
}

TEST(Restart, AnInquiryThatWasUnderWayBeginsAnewAndARequestIsForgotten) {
    Path before = half_closed(policy::OnExpiry::probe);
    before.wait(seconds(4));
    ASSERT_EQ(before.flow().subject.phase, flow::Phase::probing);
    const Path after = restarted(before, with(policy::OnExpiry::probe));
    EXPECT_EQ(after.flow().subject.phase, flow::Phase::watching);
}

TEST(Restart, AnEstablishedFlowIsJudgedByWhatItDoesNext) {
    Path before(with(policy::OnExpiry::reset));
    before.handshake();
    Path after = restarted(before, with(policy::OnExpiry::reset), seconds(1));
    EXPECT_EQ(after.engine.kill(after.now, after.flow().id), KillResult::not_exact);
    after.client(data(900'000, 700'000, 10));
    after.server(ack(700'000, 900'010));
    EXPECT_EQ(after.engine.counters().packets_invalid, 0U);
    EXPECT_EQ(after.engine.kill(after.now, after.flow().id), KillResult::requested);
}

TEST(Restart, WhatObserveHasRecordedIsNotRecordedAgain) {
    Path before = half_closed(policy::OnExpiry::observe);
    before.wait(seconds(4));
    ASSERT_EQ(before.engine.counters().observed, 1U);
    Path after = restarted(before, with(policy::OnExpiry::observe));
    after.wait(minutes(5));
    EXPECT_EQ(after.engine.counters().observed, 0U);
    EXPECT_THAT(after.probes(), IsEmpty());
}

TEST(Restart, ABatchThatIsCutOffAnywhereIsRefused) {
    const Path before = half_closed(policy::OnExpiry::reset);
    const Octets batch = saved(before).front();
    for (std::size_t length = 5; length < batch.size(); ++length)
        EXPECT_FALSE(readable(std::span(batch).first(length), before.now)) << length;
    EXPECT_FALSE(readable(std::span(batch).first(3), before.now));
}

TEST(Restart, NoBytesWhateverTheyAreDoHarm) {
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

TEST(Restart, AFlowThatIsThereTwiceIsTakenOnce) {
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
