// By which names segments leave, and what is made sure of before.
#include "machine_fixture.hpp"

namespace finwait::egress {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Names : public MachineTest {};
class Mark : public MachineTest {
  protected:
    Mark() { machine.queued_by(kMark); }
};

TEST_F(Names, BeforeConntrackIsAskedASegmentLeavesAsItWasMade) {
    machine = Machine();
    EXPECT_THAT(send(probe()), ElementsAre(as_shown(probe())));
    EXPECT_FALSE(machine.asks());
    EXPECT_EQ(machine.counts().no_entry + machine.counts().translated, 0U);
}

TEST_F(Names, TheReceiverIsShownTheSourceThatItKnowsAndConntrackIsAskedOnce) {
    EXPECT_THAT(send(probe()), ElementsAre(find()));
    EXPECT_THAT(answer(entry()), ElementsAre(translated(probe())));
    EXPECT_EQ(machine.counts().translated, 1U);
    EXPECT_THAT(send(reset()), ElementsAre(translated(reset())));
    EXPECT_EQ(machine.translation(kNow, kFlow), entry());
}

TEST_F(Names, OfAFlowThatHasEndedAreForgotten) {
    learn();
    machine.forget(kFlow);
    EXPECT_EQ(machine.translation(kNow, kFlow), std::nullopt);
    EXPECT_THAT(send(probe()), ElementsAre(find()));
}

TEST_F(Names, NothingIsSentWhileConntrackDoesNotAnswerAndThatIsToldOnceAMinute) {
    const auto fail = [this](Instant now) {
        EXPECT_THAT(all(machine.send(now, probe())), ElementsAre(find()));
        EXPECT_THAT(all(machine.resume(now, Failed{})), ElementsAre(unsent(probe())));
        return machine.end_burst(now);
    };
    EXPECT_EQ(fail(kNow), Problem::names_unknown);
    EXPECT_EQ(fail(kNow + std::chrono::seconds(59)), std::nullopt);
    EXPECT_EQ(fail(kNow + Machine::kBetweenProblems), Problem::names_unknown);
    EXPECT_EQ(machine.counts().not_sent, 3U);
    EXPECT_EQ(machine.end_burst(kNow + std::chrono::hours(1)), std::nullopt) << "nothing has happened since";
}

TEST_F(Names, WhereConntrackKnowsNothingAProbeMakesTheFlowKnownAndAResetDoesNot) {
    EXPECT_THAT(send(probe()), ElementsAre(find()));
    EXPECT_THAT(answer(NoEntry{}), ElementsAre(Action(CheckTable{})));
    EXPECT_THAT(answer(Table{true}), ElementsAre(as_shown(probe(), Path::tracked)));
    EXPECT_THAT(send(reset()), ElementsAre(as_shown(reset(), Path::untracked)));
    EXPECT_EQ(machine.counts().no_entry, 2U);
    EXPECT_EQ(machine.translation(kNow, kFlow), std::nullopt);
}

TEST_F(Names, ThatConntrackDoesNotKnowAFlowHoldsForAMinute) {
    static_cast<void>(send(probe()));
    static_cast<void>(answer(NoEntry{}));
    static_cast<void>(answer(Table{true}));
    EXPECT_THAT(all(machine.send(kNow + Translations::kNoneLasts, probe())), ElementsAre(find()));
}

TEST_F(Names, NumbersThatAreMadeUpAreNotShownToConntrack) {
    engine::Send guess = probe();
    guess.guessed = true;
    static_cast<void>(send(guess));
    static_cast<void>(answer(NoEntry{}));
    EXPECT_THAT(answer(Table{true}), ElementsAre(unsent(guess)));
    EXPECT_EQ(machine.counts().no_entry, 0U);
    EXPECT_EQ(machine.counts().not_sent, 1U);
}

TEST_F(Names, AFlowIsSentToOnlyIfItWasHeardSinceRoutingChanged) {
    engine::Send send = probe();
    machine.distrust(kNow);
    send.last_seen = kNow;
    EXPECT_THAT(all(machine.send(kNow, send)), ElementsAre(unsent(send)));
    EXPECT_EQ(machine.end_burst(kNow), Problem::unproven);
    send.last_seen = kNow + Duration(1);
    EXPECT_THAT(all(machine.send(kNow, send)), ElementsAre(find()));
    static_cast<void>(answer(entry()));
    send.last_seen = kNow;
    machine.distrust(Instant::never());
    EXPECT_THAT(all(machine.send(kNow, send)), ElementsAre(translated(send)));
}

TEST_F(Names, WhereThisMachineChangesNumbersOrEndsAreSharedNothingIsSent) {
    for (const auto why : {flow::Ambiguity::numbers, flow::Ambiguity::ends}) {
        machine = Machine();
        machine.translate();
        flow::Translation ambiguous = entry();
        (why == flow::Ambiguity::numbers ? ambiguous.shifted : ambiguous.shared) = true;
        static_cast<void>(send(probe()));
        EXPECT_THAT(answer(ambiguous), ElementsAre(Action(engine::Ambiguous{kFlow, why})));
        EXPECT_FALSE(machine.asks());
        EXPECT_THAT(send(reset()), ElementsAre(Action(engine::Ambiguous{kFlow, why})))
            << "what else the engine has ordered by then is not sent either";
        EXPECT_EQ(machine.counts().not_sent, 2U);
    }
}

TEST_F(Names, WhatHasNotLeftIsToldToTheEngineAndTheLogHearsOfAFullQueueFirst) {
    EXPECT_THAT(all(machine.not_sent(reset().segment, Refusal::refused)), ElementsAre(unsent(reset())));
    EXPECT_THAT(all(machine.not_sent(probe().segment, Refusal::queue_full)), ElementsAre(unsent(probe())));
    EXPECT_FALSE(machine.asks());
    EXPECT_EQ(machine.end_burst(kNow), Problem::queue_full);
    EXPECT_EQ(machine.counts().refused, 1U);
    EXPECT_EQ(machine.counts().queue_full, 1U);
    EXPECT_EQ(machine.counts().not_sent, 0U);
}

TEST_F(Names, WithoutMemoryForTheAnswerASegmentIsGivenUp) {
    EXPECT_THAT(all(machine.abandon()), IsEmpty()) << "nothing is being sent";
    static_cast<void>(send(probe()));
    EXPECT_THAT(all(machine.abandon()), ElementsAre(unsent(probe())));
    EXPECT_FALSE(machine.asks());
    EXPECT_THAT(all(machine.abandon()), IsEmpty()) << "once";
}

TEST_F(Names, WithoutMemoryForTheBurstASegmentIsGivenUp) {
    learn();
    EXPECT_THAT(send(reset()), ElementsAre(translated(reset())));
    EXPECT_THAT(all(machine.abandon()), ElementsAre(unsent(reset())));
}

TEST_F(Mark, OfAMarkedConnectionIsReadBeforeEachSegment) {
    EXPECT_THAT(send(probe()), ElementsAre(find()));
    EXPECT_THAT(answer(entry()), ElementsAre(translated(probe())));
    EXPECT_THAT(send(reset()), ElementsAre(read()));
    EXPECT_THAT(answer(entry()), ElementsAre(translated(reset())));
}

TEST_F(Mark, OfAnEntryThatIsGoneNothingCanBeMissing) {
    learn();
    static_cast<void>(send(probe()));
    EXPECT_THAT(answer(NoEntry{}), ElementsAre(translated(probe())));
}

TEST_F(Mark, ThatCannotBeReadKeepsTheSegmentBack) {
    learn();
    static_cast<void>(send(probe()));
    EXPECT_THAT(answer(Failed{}), ElementsAre(unsent(probe())));
    EXPECT_EQ(machine.end_burst(kNow), Problem::names_unknown);
}

TEST_F(Mark, ThatIsMissingIsSetAndTheSidesAreAskedAnewInsteadOfSending) {
    flow::Translation bare = entry();
    bare.mark = 0x7f;
    static_cast<void>(send(probe()));
    EXPECT_THAT(answer(bare), ElementsAre(Action(MarkEntry{bare, kMark})));
    EXPECT_THAT(answer(Done{}), ElementsAre(gap()));
    EXPECT_THAT(answer(Told{true}), ElementsAre(unsent(probe())));
    EXPECT_EQ(machine.end_burst(kNow), std::nullopt);
}

TEST_F(Mark, ThatIsMissingGivesUpWhatElseIsToBeSentInTheBurst) {
    learn();
    flow::Translation bare = entry();
    bare.mark = 0;
    static_cast<void>(send(probe()));
    static_cast<void>(answer(bare));
    static_cast<void>(answer(Done{}));
    static_cast<void>(answer(Told{true}));
    EXPECT_THAT(send(probe()), ElementsAre(read()));
    EXPECT_THAT(answer(entry()), ElementsAre(unsent(probe())));
    static_cast<void>(machine.end_burst(kNow));
    EXPECT_THAT(send(probe()), ElementsAre(read()));
    EXPECT_THAT(answer(entry()), ElementsAre(translated(probe()))) << "another time";
}

TEST_F(Mark, ThatCannotBeSetIsToldAndTheSidesAreAskedAnewEvenSo) {
    flow::Translation bare = entry();
    bare.mark = 0;
    static_cast<void>(send(probe()));
    static_cast<void>(answer(bare));
    EXPECT_THAT(answer(Failed{}), ElementsAre(gap()));
    EXPECT_THAT(answer(Told{true}), ElementsAre(unsent(probe())));
    EXPECT_EQ(machine.end_burst(kNow), Problem::names_unknown);
}

TEST_F(Mark, ThatIsMissingOfAHandshakeKeepsNothingBack) {
    flow::Translation bare = entry();
    bare.mark = 0;
    static_cast<void>(send(reset()));
    static_cast<void>(answer(bare));
    static_cast<void>(answer(Done{}));
    EXPECT_THAT(answer(Told{false}), ElementsAre(translated(reset())));
}

TEST_F(Mark, ThatIsMissingKeepsNoProbeBackThatIsNotBelievedAnyway) {
    flow::Translation bare = entry();
    bare.mark = 0;
    engine::Send guess = probe();
    guess.guessed = true;
    engine::Send makes_sure = probe();
    makes_sure.after_reset = true;
    for (const engine::Send& one : {guess, makes_sure}) {
        machine.forget(kFlow);
        static_cast<void>(send(one));
        EXPECT_THAT(answer(bare), ElementsAre(Action(MarkEntry{bare, kMark})));
        EXPECT_THAT(answer(Done{}), ElementsAre(translated(one)));
    }
    engine::Send again = reset();
    again.after_reset = true;
    static_cast<void>(send(again));
    static_cast<void>(answer(bare));
    EXPECT_THAT(answer(Done{}), ElementsAre(gap())) << "an RST is believed";
}

TEST_F(Mark, WhereConntrackTakesTheFlowForOneThatBeginsItsSidesAreAskedAnew) {
    flow::Translation astray = entry();
    astray.astray = true;
    static_cast<void>(send(probe()));
    EXPECT_THAT(answer(astray), ElementsAre(gap())) << "it is marked";
    EXPECT_THAT(answer(Told{true}), ElementsAre(unsent(probe())));
    static_cast<void>(machine.end_burst(kNow));
    engine::Send after_ours = reset();
    after_ours.after_reset = true;
    EXPECT_THAT(send(after_ours), ElementsAre(Action(ReadEntry{astray})));
    EXPECT_THAT(answer(astray), ElementsAre(translated(after_ours))) << "our own RSTs have done it";
}

TEST_F(Mark, OfAFlowThatConntrackDidNotKnowIsLookedForAgain) {
    static_cast<void>(send(probe()));
    static_cast<void>(answer(NoEntry{}));
    static_cast<void>(answer(Table{true}));
    EXPECT_THAT(send(probe()), ElementsAre(find()));
    EXPECT_THAT(answer(NoEntry{}), ElementsAre(as_shown(probe(), Path::tracked)));
    EXPECT_THAT(send(probe()), ElementsAre(find()));
    EXPECT_THAT(answer(Failed{}), ElementsAre(as_shown(probe(), Path::tracked)));
    EXPECT_THAT(send(probe()), ElementsAre(find()));
    EXPECT_THAT(answer(entry()), ElementsAre(translated(probe())));
    EXPECT_THAT(send(probe()), ElementsAre(read()));
}

}  // namespace
}  // namespace finwait::egress
