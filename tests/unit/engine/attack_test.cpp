// What forged segments can make an engine do: how much it keeps, and how much it sends to whom.
#include "support/path.hpp"

#include <random>

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::IsEmpty;

constexpr std::uint8_t kFlags[] = {tcp::flag::syn,
                                   tcp::flag::syn | tcp::flag::ack,
                                   tcp::flag::ack,
                                   tcp::flag::fin | tcp::flag::ack,
                                   tcp::flag::rst,
                                   tcp::flag::fin,
                                   tcp::flag::ack | tcp::flag::psh};

/// Numbers, and flags, as somebody guesses them.
class Guess {
  public:
    explicit Guess(std::uint32_t seed) : random_(seed) {}
    std::uint32_t operator()() { return static_cast<std::uint32_t>(random_()); }
    std::uint8_t flags() { return kFlags[(*this)() % std::size(kFlags)]; }

  private:
    std::mt19937 random_;
};

TEST(MadeUpFlows, OfWhichOneSideOnlySpeaksDrawNotASinglePacket) {
    Path path(all_packets());
    Guess random(3);
    for (std::uint32_t i = 0; i < 20'000; ++i) {
        path.use_port(static_cast<std::uint16_t>(1 + random() % 3000));
        path.client(segment(random.flags(), random(), random(), random() % 3));
    }
    path.wait(std::chrono::hours(10));
    EXPECT_THAT(path.sends(), IsEmpty());
}

TEST(MadeUpFlows, OfWhichOneSideOnlySpeaksGiveWayToRealOnes) {
    Options options = all_packets();
    options.max_flows = 100;
    Path path(options);
    for (std::uint16_t port = 1000; port < 5000; ++port) {
        path.use_port(port);
        path.client(ack(1000, 5000));
    }
    for (std::uint16_t port = 10'000; port < 10'100; ++port) {
        path.use_port(port);
        path.handshake();
    }
    EXPECT_EQ(path.flows("state established").size(), 100U);
    EXPECT_EQ(path.engine.counters().packets_untracked, 0U);
    path.use_port(1000);
    path.client(ack(1000, 5000));
    EXPECT_EQ(path.flows("state established").size(), 100U) << "and do not push them out";
    EXPECT_EQ(path.engine.counters().packets_untracked, 1U);
}

TEST(MadeUpFlows, OfBothSidesDrawFivePacketsForEachTwoAtMost) {
    // Forged in the names of both sides: the gateway lets that through only if it does not filter sources
    // (BCP 38).
    Path path(all_packets());
    path.client_half_closed();
    path.wait(std::chrono::hours(10));
    EXPECT_LE(path.sends().size(), 12U) << "for five";
    EXPECT_THAT(path.flows(), IsEmpty());
}

TEST(ForgedAnswers, WithGuessedNumbersNeitherEndAFlowNorKeepItsAnswersFromBeingHeard) {
    Path path(all_packets());
    path.client_half_closed();
    path.wait(minutes(5) + seconds(1));
    ASSERT_EQ(path.probes().size(), 2U);
    Guess random(5);
    for (int i = 0; i < 20'000; ++i) {
        const std::uint32_t seq = random() | 0x10000U;
        EXPECT_EQ(path.client(segment(random.flags(), seq, random())), Verdict::accept);
        EXPECT_EQ(path.server(segment(random.flags(), seq, random())), Verdict::accept);
    }
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::probing);
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(seconds(10));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_EQ(path.flow().subject.client_state, tcp::State::fin_wait_2);
}

TEST(ForgedSegments, WithGuessedNumbersDoNotPutOffTheEndOfAnOrphan) {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(3);
    t.on_expiry = policy::OnExpiry::reset;
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet({}, t);
    Path path(options);
    path.client_half_closed();
    Guess random(7);
    for (int i = 0; i < 4000; ++i) {
        const std::uint32_t seq = random() | 0x100000U;
        path.client(segment(random.flags(), seq, random()));
        path.server(segment(random.flags(), seq, random()));
        path.wait(milliseconds(1));
    }
    ASSERT_EQ(path.resets().size(), 2U);
    EXPECT_EQ(path.resets()[0].seq, tcp::Seq(5001));
    EXPECT_EQ(path.resets()[1].seq, tcp::Seq(1002));
}

TEST(AFlowOfWhichSomethingMayHavePassedUnseen, IsAskedWhereItStandsBeforeItIsReset) {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(3);
    t.on_expiry = policy::OnExpiry::reset;
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet({}, t);
    Path path(options);
    path.client_half_closed();
    path.wait(milliseconds(2900));
    path.engine.on_unseen(path.now, path.flow().id);
    path.wait(milliseconds(1100));
    EXPECT_THAT(path.resets(), IsEmpty());
    ASSERT_EQ(path.probes().size(), 2U);
    path.server(ack(5101, 1002));
    path.client(ack(1002, 5101));
    path.wait(milliseconds(500));
    EXPECT_THAT(path.resets(), IsEmpty()) << "it has sent meanwhile, so it lives";
    path.wait(seconds(10));
    ASSERT_GE(path.resets().size(), 2U);
    EXPECT_EQ(path.resets()[0].seq, tcp::Seq(5101));
}

TEST(AFlowOfWhichSomethingMayHavePassedUnseen, IsLeftWhileNobodyAnswers) {
    Path path(all_packets());
    path.client_half_closed();
    path.engine.on_unseen(path.now, path.flow().id);
    path.wait(minutes(10));
    EXPECT_THAT(path.resets(), IsEmpty());
}

Options selective(policy::OnExpiry on_expiry) {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(3);
    t.on_expiry = on_expiry;
    Options options = all_packets();
    options.selective = true;
    options.tuning.policies = policy::PolicySet({}, t);
    return options;
}

TEST(AForgedRstOrSyn, ThatMayHaveLedConntrackAstrayMakesSilenceMeanNothing) {
    for (const auto on_expiry : {policy::OnExpiry::probe, policy::OnExpiry::reset}) {
        for (const std::uint8_t flags : {tcp::flag::rst, tcp::flag::syn}) {
            Path path(selective(on_expiry));
            path.client_half_closed();
            path.client(segment(flags, 0x7000'0000, 0));
            path.wait(minutes(10));
            EXPECT_THAT(path.resets(), IsEmpty());
            EXPECT_GE(path.probes().size(), 2U) << "it is asked";
        }
    }
}

/// An RST was forged, and when its time was up the closer has been heard.
Path half_heard(policy::OnExpiry on_expiry) {
    Path path(selective(on_expiry));
    path.client_half_closed();
    path.client(rst(0x7000'0000));
    path.wait(milliseconds(3100));
    path.client(ack(1002, 5001));
    return path;
}

TEST(AForgedRstOrSyn, KeepsAFlowFromItsEndOnlyUntilBothSidesHaveBeenHeard) {
    Path path = half_heard(policy::OnExpiry::reset);
    path.server(ack(5001, 1002));
    path.wait(seconds(10));
    EXPECT_GE(path.resets().size(), 2U);
}

TEST(AForgedRstOrSyn, DoesSoForOneSideThatIsNotHeardAlone) {
    Path path = half_heard(policy::OnExpiry::probe);
    path.wait(minutes(5));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(AForgedRstOrSyn, DoesNotKeepAnOrphanBeyondAliveMax) {
    Path path = half_heard(policy::OnExpiry::probe);
    const auto go_on = [&path](int minutes_more) {
        for (int i = 0; i < minutes_more; ++i) {
            path.wait(minutes(1));
            path.client(ack(1002, 5001));  // the holder is never heard
        }
    };
    go_on(120);
    EXPECT_THAT(path.resets(), IsEmpty());
    go_on(20);
    EXPECT_GE(path.resets().size(), 2U);
}

TEST(AForgedRstOrSyn, DoesNotKeepAnOperatorFromEndingAFlow) {
    Path path = half_heard(policy::OnExpiry::probe);
    path.wait(minutes(1));
    EXPECT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested);
    path.wait(milliseconds(100));
    path.client(ack(1002, 5001));
    path.wait(seconds(30));
    EXPECT_GE(path.resets().size(), 2U);
}

TEST(AForgedRstOrSyn, DoesNotHideThatTheCloserHasGotMore) {
    Path path(selective(policy::OnExpiry::reset));
    path.handshake();
    path.client(fin(1001, 5001));
    path.server(ack(5101, 1002));  // what it sent before passed on the fast path
    path.client(segment(tcp::flag::syn, 0x7000'0000, 0));
    path.server(ack(5101, 1002));
    path.wait(milliseconds(2500));
    path.client(ack(1002, 5101));
    path.wait(milliseconds(2900));
    EXPECT_THAT(path.resets(), IsEmpty()) << "an acknowledgment of new data is progress";
    path.wait(seconds(1));
    EXPECT_EQ(path.resets().size(), 2U);
}

TEST(SilenceWhilePacketsAreLost, IsNotTakenForAnEnd) {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(3);
    t.probe_interval = seconds(1);
    t.probe_attempts = 3;
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet({}, t);
    Path path(options);
    path.client_half_closed();
    for (int i = 0; i < 60; ++i) {
        path.engine.on_loss(path.now, 1);
        path.wait(seconds(1));
        if (i % 2 == 0) path.client(ack(1002, 5001));
    }
    EXPECT_THAT(path.resets(), IsEmpty());
    path.wait(seconds(1));
    path.client(ack(1002, 5001));
    path.wait(minutes(1));
    EXPECT_GE(path.resets().size(), 2U) << "but afterwards";
}

TEST(ForgedSegments, OfTheSameAddressesDoNotMakeARepeatedFinLookLikeOneThatCrossed) {
    Path path(all_packets());
    path.client_half_closed();
    path.wait(seconds(1));
    path.server(segment(tcp::flag::ack, 0x7000'0000, 0x7000'0000));
    path.client(fin(1001, 5001));
    EXPECT_EQ(path.flow().subject.client_state, tcp::State::fin_wait_1) << "the acknowledgment may be lost";
}

}  // namespace
}  // namespace finwait::engine::testing
