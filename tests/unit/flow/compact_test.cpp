#include "flow/compact.hpp"

#include "tcp/tracker.hpp"
#include "tcp/window.hpp"

#include <array>
#include <functional>
#include <random>

#include <gtest/gtest.h>

namespace finwait::flow {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tcp::Basis;
using tcp::Role;
using tcp::Seq;

/// Established, every number of its own.
Record flow() {
    Record r;
    std::uint32_t n = 4'000'000'000;
    for (tcp::Side& s : r.connection.side) {
        s.state = tcp::State::established;
        s.iss = Seq(++n);
        s.next = Seq(++n);
        s.ack = Seq(++n);
        s.window = 777;
        s.scale = 7;
        s.max_window = 800U << 7U;
        s.syn_seen = s.scale_offered = s.timestamps = s.sack = true;
        s.next_basis = Basis::proven;
        s.ack_basis = Basis::heard;
    }
    r.connection.side[1].scale = 14;
    r.connection.side[1].max_window = 900U << 14U;
    for (const Role role : {Role::client, Role::server}) {
        tcp::Side& s = r.connection.of(role);
        s.edge = s.ack + tcp::scaled_window(r.connection, role, s.window);
    }
    r.opened = Instant(seconds(100'000'000));
    r.last_progress = r.opened + milliseconds(20);
    r.last_seen = r.opened + milliseconds(30);
    r.last_from = {r.last_seen, r.last_progress};
    r.released_at = r.last_progress;
    r.losses = 3;
    r.client_is_low = false;
    return r;
}

Record again(const Record& r) {
    const Numbers n = numbers(r);
    const bool known = has_numbers(r);
    Record is;
    is.half_closed = true;  // of another flow
    is.connection.pending.emplace();
    is.connection.side[0].fin_stage = tcp::Fin::acked;
    is.reaping.phase = Phase::gone;
    expand(compact(r, known ? 0 : kNoNumbers), known ? &n : nullptr, is);
    EXPECT_TRUE(at_rest(is));
    return is;
}

void expect_same(const Record& is, const Record& was) {
    for (std::size_t i = 0; i < 2; ++i) {
        const tcp::Side& a = is.connection.side[i];
        const tcp::Side& b = was.connection.side[i];
        EXPECT_EQ(a.state, b.state);
        EXPECT_EQ(a.iss, b.iss);
        if (b.next_known()) {
            EXPECT_EQ(a.next, b.next);
        }
        if (b.ack_known()) {
            EXPECT_EQ(a.ack, b.ack);
            EXPECT_EQ(a.edge, b.edge);
            EXPECT_EQ(a.window, b.window);
        }
        EXPECT_GE(a.max_window, b.max_window);
        const Role role = i == 0 ? Role::client : Role::server;
        EXPECT_LT(a.max_window, b.max_window + tcp::scaled_window(was.connection, role, 1));
        EXPECT_EQ(a.scale, b.scale);
        EXPECT_EQ(a.next_basis, b.next_basis);
        EXPECT_EQ(a.ack_basis, b.ack_basis);
        EXPECT_EQ(a.syn_seen, b.syn_seen);
        EXPECT_EQ(a.open, b.open);
        EXPECT_EQ(a.scale_offered, b.scale_offered);
        EXPECT_EQ(a.timestamps, b.timestamps);
        EXPECT_EQ(a.sack, b.sack);
        EXPECT_EQ(a.unsigned_dropped, b.unsigned_dropped);
        EXPECT_EQ(a.counts_ids, b.counts_ids);
        EXPECT_EQ(a.multipath, b.multipath);
        EXPECT_EQ(a.fast_open, b.fast_open);
        EXPECT_EQ(is.last_from[i], was.last_from[i]);
    }
    EXPECT_EQ(is.connection.adopted, was.connection.adopted);
    EXPECT_EQ(is.connection.released, was.connection.released);
    EXPECT_EQ(is.opened, was.opened);
    EXPECT_EQ(is.last_seen, was.last_seen);
    EXPECT_EQ(is.last_progress, was.last_progress);
    EXPECT_GE(is.released_at, was.released_at);
    EXPECT_LT(is.released_at, was.released_at + milliseconds(16));
    EXPECT_EQ(is.looks, was.looks);
    EXPECT_EQ(is.low_is_local, was.low_is_local);
    EXPECT_EQ(is.high_is_local, was.high_is_local);
    EXPECT_EQ(is.unheard, was.unheard);
    EXPECT_EQ(is.connection.plain, was.connection.plain);
    EXPECT_EQ(is.losses, was.losses);
    EXPECT_EQ(is.client_is_low, was.client_is_low);
    EXPECT_EQ(is.was_half_closed, was.was_half_closed);
    EXPECT_EQ(is.trail.total(), was.trail.total());
}

TEST(Compact, AnEstablishedFlowComesBackAsItWas) {
    const Record r = flow();
    ASSERT_TRUE(at_rest(r));
    expect_same(again(r), r);
}

TEST(Compact, OnTheFastPathThereAreNoNumbersAndWindowsAreAsLargeAsTheyCanBe) {
    Record r = flow();
    tcp::release(r.connection);
    ASSERT_TRUE(at_rest(r));
    EXPECT_FALSE(has_numbers(r));
    const Record is = again(r);
    expect_same(is, r);
    EXPECT_EQ(is.connection.of(Role::server).max_window, 65535U << 14U);
}

TEST(Compact, EveryMarkIsKeptApart) {
    std::mt19937 random(1);
    for (int i = 0; i < 2000; ++i) {
        Record r = flow();
        const auto coin = [&] { return random() % 2 == 0; };
        for (tcp::Side& s : r.connection.side) {
            s.state = static_cast<tcp::State>(random() % tcp::kStateCount);
            constexpr std::array kAtRest = {Basis::unknown, Basis::heard, Basis::proven};
            s.next_basis = kAtRest[random() % kAtRest.size()];
            s.ack_basis = coin() ? Basis::heard : Basis::unknown;
            s.syn_seen = coin();
            s.open = coin();
            s.scale_offered = coin();
            s.timestamps = coin();
            s.sack = coin();
            s.unsigned_dropped = coin();
            s.counts_ids = coin();
            s.multipath = coin();
            s.fast_open = coin();
        }
        r.connection.adopted = coin();
        r.connection.released = coin();
        r.client_is_low = coin();
        r.was_half_closed = coin();
        r.low_is_local = coin();
        r.high_is_local = coin();
        r.unheard = coin();
        r.connection.plain = coin();
        r.looks = static_cast<std::uint8_t>(random());
        for (const Role role : {Role::client, Role::server}) {
            tcp::Side& s = r.connection.of(role);
            s.edge = s.ack + tcp::scaled_window(r.connection, role, s.window);
            s.max_window = static_cast<std::uint32_t>(random() % 65536);
        }
        ASSERT_TRUE(at_rest(r));
        expect_same(again(r), r);
    }
}

TEST(Compact, WhateverElseIsRememberedKeepsAFlowFromRest) {
    const std::vector<std::function<void(Record&)>> changes = {
        [](Record& r) { r.half_closed = true; },
        [](Record& r) { r.astray = true; },
        [](Record& r) { r.connection.pending.emplace(); },
        [](Record& r) { r.connection.early.emplace(); },
        [](Record& r) { r.connection.unsigned_word.emplace(); },
        [](Record& r) { r.connection.denied_fin.emplace(); },
        [](Record& r) { r.connection.rst.emplace(); },
        [](Record& r) { r.connection.side[0].fin_stage = tcp::Fin::sent; },
        [](Record& r) { r.connection.side[1].fin_stage = tcp::Fin::acked; },
        [](Record& r) { r.connection.side[1].fin_stage = tcp::Fin::reported; },
        [](Record& r) { r.connection.side[1].fin_stage = tcp::Fin::unchecked; },
        [](Record& r) { r.connection.side[1].fin_repeated = true; },
        [](Record& r) { r.connection.side[1].fin_covers = true; },
        [](Record& r) { r.connection.side[0].acked_fin = true; },
        [](Record& r) { r.connection.side[0].acked_first = true; },
        [](Record& r) { r.connection.side[0].next_basis = Basis::stale; },
        [](Record& r) { r.connection.side[0].ack_basis = Basis::guessed; },
        [](Record& r) { r.connection.side[0].ts_basis = Basis::stale; },
        [](Record& r) { r.connection.side[0].edge = r.connection.side[0].edge + 1; },
        [](Record& r) { r.reaping.phase = Phase::probing; },
        [](Record& r) { r.reaping.outcome = Outcome::refused; },
        [](Record& r) { r.reaping.attempts = 1; },
        [](Record& r) { r.reaping.not_before = Instant(seconds(1)); },
        [](Record& r) { r.reaping.requested = true; },
        [](Record& r) { r.reaping.reserved = true; },
        [](Record& r) { r.reaping.waits = true; },
        [](Record& r) { r.reaping.recorded = true; },
        [](Record& r) { r.reaping.crowded = true; },
        [](Record& r) { r.reaping.expired = true; },
        [](Record& r) { r.reaping.urgent = true; },
        [](Record& r) { r.reaping.verify = true; },
        [](Record& r) { r.reaping.side[1].evidence = Evidence::alive; },
        [](Record& r) { r.reaping.side[0].outstanding = true; },
    };
    for (std::size_t i = 0; i < changes.size(); ++i) {
        Record r = flow();
        changes[i](r);
        EXPECT_FALSE(at_rest(r)) << "change " << i;
    }
}

TEST(Compact, AWindowThatOnlyASynHasToldIsNotScaled) {
    Record r = flow();
    tcp::Side& server = r.connection.of(Role::server);
    server.edge = server.ack + server.window;
    ASSERT_TRUE(at_rest(r));
    expect_same(again(r), r);
}

TEST(Compact, TimesAreKeptToTheMillisecondAndForYears) {
    Record r = flow();
    r.last_seen = r.opened + std::chrono::hours(24 * 365) + std::chrono::microseconds(1999);
    r.last_from = {r.last_seen, r.opened};
    const Record is = again(r);
    EXPECT_EQ(is.last_seen, r.last_seen - std::chrono::microseconds(999));
    EXPECT_EQ(is.opened, r.opened);
    EXPECT_EQ(is.last_from[0], is.last_seen);
    EXPECT_LE(is.last_from[1], is.last_seen - seconds(60)) << "silent for more than can be told";
}

}  // namespace
}  // namespace finwait::flow
