// The closer's window is closed: data may wait at the holder, and no timeout or limit ends the flow.

#include "support/path.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

tcp::Segment offering(tcp::Segment s, std::uint16_t window) {
    s.window = window;
    return s;
}

policy::Timeouts with_alive_max() {
    policy::Timeouts t;
    t.alive_max = seconds(60);
    return t;
}

policy::Timeouts with_max(policy::OnExpiry on_expiry = policy::OnExpiry::reset) {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(4);
    t.fin_wait_2_max = seconds(8);
    t.on_expiry = on_expiry;
    return t;
}

Options only(policy::Timeouts t, Options options = all_packets()) {
    options.tuning.policies = policy::PolicySet({}, t);
    return options;
}

/// Half-closed; the holder's data has filled the closer's window.
void fill_window(Path& path) {
    path.client_half_closed();
    path.server(data(5001, 1002, 1000));
    path.client(offering(ack(1002, 6001), 0));
}

/// Both sides answer whatever they are asked.
void answer_for(Path& path, Duration time, std::uint16_t window) {
    for (const Instant until = path.now + time; path.now < until;) {
        path.wait(seconds(1));
        if (path.flows().empty()) return;
        if (path.flow().subject.phase != policy::Phase::probing) continue;
        path.client(offering(ack(1002, 6001), window));
        path.server(ack(6001, 1002));
    }
}

TEST(ClosedWindow, AliveMaxDoesNotEndAConnectionWhoseCloserHasClosedItsWindow) {
    Path path(asking(with_alive_max()));
    fill_window(path);
    answer_for(path, minutes(40), 0);
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_GT(path.probes().size(), 4U) << "it is asked again and again";
}

TEST(ClosedWindow, AnAnswerThatTellsOfAClosedWindowCountsAsWell) {
    Path path(asking(with_alive_max()));
    path.client_half_closed();
    path.server(data(5001, 1002, 1000));
    path.client(ack(1002, 6001));
    answer_for(path, minutes(40), 0);
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(ClosedWindow, AliveMaxEndsItOnceTheWindowIsOpenAndNothingComes) {
    Path path(asking(with_alive_max()));
    fill_window(path);
    answer_for(path, minutes(2), 0);
    path.client(offering(ack(1002, 6001), 8000));
    answer_for(path, minutes(20), 8000);
    EXPECT_GE(path.resets().size(), 2U);
}

TEST(ClosedWindow, WithoutAskingItIsTheSame) {
    for (const auto on_expiry : {policy::OnExpiry::reset, policy::OnExpiry::probe}) {
        policy::Timeouts t = with_max(on_expiry);
        t.alive_max = policy::kOff;
        Path path(only(t));
        fill_window(path);
        answer_for(path, minutes(5), 0);
        EXPECT_THAT(path.resets(), IsEmpty());
    }
}

TEST(ClosedWindow, FinWait2MaxEndsItAfterTheWaitingDataHasArrived) {
    Path path(only(with_max()));
    fill_window(path);
    path.wait(seconds(20));
    path.client(offering(ack(1002, 6001), 1000));
    path.wait(milliseconds(50));
    for (std::uint32_t i = 0; i < 40; ++i) {
        EXPECT_THAT(path.resets(), IsEmpty());
        path.server(data(6001 + i * 1000, 1002, 1000));
        path.client(offering(ack(1002, 7001 + i * 1000), i % 3 == 0 ? 0 : 1000));
        path.wait(milliseconds(20));
        if (i % 3 == 0) path.client(offering(ack(1002, 7001 + i * 1000), 1000));
        path.wait(milliseconds(20));
    }
    path.client(offering(ack(1002, 46001), 8000));
    path.wait(seconds(40));
    EXPECT_THAT(path.resets(), SizeIs(2));
}

TEST(ClosedWindow, ASmallOpeningLeavesTheHolderTimeToFindItsOwnWay) {
    Path path(only(with_max()));
    fill_window(path);
    path.wait(seconds(20));
    path.client(offering(ack(1002, 6001), 100));
    path.wait(seconds(110));
    EXPECT_THAT(path.resets(), IsEmpty()) << "its persist timer has not run out yet";
    path.server(data(6001, 1002, 100));
    path.client(offering(ack(1002, 6101), 100));
    path.wait(seconds(6));
    EXPECT_THAT(path.resets(), SizeIs(2)) << "it has, and all is acknowledged";
}

TEST(ClosedWindow, ItIsOnlyTheClosersThatCounts) {
    Path path(only(with_max()));
    path.handshake();
    path.client(fin(1001, 5001));
    path.server(offering(ack(5001, 1002), 0));
    path.wait(seconds(5));
    EXPECT_THAT(path.resets(), SizeIs(2)) << "nothing can be sent to the holder any more";
}

TEST(ClosedWindow, AServerThatClosedIsWaitedForToo) {
    Path path(only(with_max()));
    path.handshake();
    path.server(fin(5001, 1001));
    path.client(ack(1001, 5002));
    path.client(data(1001, 5002, 100));
    path.server(offering(ack(5002, 1101), 0));
    path.wait(minutes(3));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(ClosedWindow, OneThatClosesWhileItsTurnComesIsLeft) {
    Options options = only(with_max());
    options.tuning.resets_per_second = 1;
    options.max_flows = 4000;
    Path path(options);
    for (std::uint16_t i = 0; i < 4; ++i) {
        path.use_port(static_cast<std::uint16_t>(10000 + i));
        path.client_half_closed();
    }
    path.wait(milliseconds(4900));  // one of them has been reset, the others wait for their turn
    const std::size_t before = path.resets().size();
    for (std::uint16_t i = 0; i < 4; ++i) {
        path.use_port(static_cast<std::uint16_t>(10000 + i));
        path.client(offering(ack(1002, 5001), 0));
    }
    path.wait(seconds(30));
    EXPECT_EQ(path.resets().size(), before);
}

TEST(ClosedWindow, WhatPassedUnseenMayHaveClosedIt) {
    Path path(only(with_max()));
    path.client_half_closed();
    path.engine.on_loss(path.now, 1);
    path.server(ack(5001, 1002));  // by this the closer's numbers are proven, but not its window
    path.wait(milliseconds(8500));
    EXPECT_THAT(path.resets(), IsEmpty());
    ASSERT_FALSE(path.probes().empty()) << "it is asked for it";
    path.client(offering(ack(1002, 5001), 0));
    path.wait(minutes(2));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(ClosedWindow, EvidenceEndsItAllTheSame) {
    Path path(asking(with_alive_max()));
    fill_window(path);
    path.wait(milliseconds(3100));
    ASSERT_THAT(path.probes(), SizeIs(2));
    path.server(ack(6001, 1002));
    EXPECT_EQ(path.client(rst(1002)), Verdict::accept);
    path.wait(milliseconds(700));
    path.server(rst(6001));
    path.wait(milliseconds(100));
    EXPECT_EQ(path.engine.counters().resets_confirmed, 1U);
}

TEST(ClosedWindow, AnOperatorsKillEndsIt) {
    Path path(only(with_max()));
    fill_window(path);
    path.wait(seconds(1));
    EXPECT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested);
    path.wait(seconds(1));
    EXPECT_THAT(path.resets(), SizeIs(2));
}

TEST(ClosedWindow, DataThatIsNotAcknowledgedKeepsIt) {
    Path path(asking(with_alive_max()));
    path.client_half_closed();
    path.server(data(5001, 1002, 1000));
    for (int i = 0; i < 100; ++i) {
        path.wait(seconds(1));
        path.client(ack(1002, 5001));
        path.server(ack(6001, 1002));
    }
    EXPECT_THAT(path.resets(), IsEmpty());
}

}  // namespace
}  // namespace finwait::engine::testing
