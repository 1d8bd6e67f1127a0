// Segments that wait until a search through conntrack's table has ended.
#include "machine_fixture.hpp"

namespace finwait::egress {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Waiting : public MachineTest {
  protected:
    [[nodiscard]] static Action let_go() { return engine::LetGo{kFlow, kNow}; }
    /// It is found only by a search.
    void park(const engine::Send& order) {
        const auto& [source, destination] = std::pair(order.segment.source, order.segment.destination);
        ASSERT_THAT(send(order), ElementsAre(Action(FindEntry{source, destination})));
        ASSERT_THAT(answer(NoEntry{}), ElementsAre(Action(CheckTable{})));
        ASSERT_THAT(answer(Table{false}), ElementsAre(Action(ScanTable{source, destination})));
        ASSERT_THAT(answer(Done{}), ElementsAre(Action(engine::Held{order.flow})));
        ASSERT_FALSE(machine.asks());
    }
};

TEST_F(Waiting, ASegmentIsSentOnceTheSearchHasFoundItsNames) {
    park(probe());
    EXPECT_THAT(release(entry()), ElementsAre(let_go()));
    EXPECT_THAT(answer(Told{true}), ElementsAre(translated(probe())));
    EXPECT_THAT(release_next(), IsEmpty());
    EXPECT_THAT(send(reset()), ElementsAre(translated(reset()))) << "at once, from now on";
}

TEST_F(Waiting, WhatTheSearchHasNotFoundConntrackDoesNotKnow) {
    park(probe());
    static_cast<void>(release(std::nullopt));
    EXPECT_THAT(answer(Told{false}), ElementsAre(as_shown(probe(), Path::tracked)));
    EXPECT_EQ(machine.counts().no_entry, 1U);
}

TEST_F(Waiting, AResetOfAFlowThatHasMovedOnIsGivenUpAndAProbeIsNot) {
    park(reset());
    EXPECT_THAT(send(probe()), ElementsAre(held())) << "the same search serves both";
    EXPECT_THAT(release(entry()), ElementsAre(let_go()));
    EXPECT_THAT(answer(Told{false}), ElementsAre(unsent(reset(), false)));
    EXPECT_THAT(release_next(), ElementsAre(let_go()));
    EXPECT_THAT(answer(Told{false}), ElementsAre(translated(probe())));
    EXPECT_THAT(release_next(), IsEmpty());
}

TEST_F(Waiting, AResetOfAFlowThatHasNotMovedIsSent) {
    park(reset());
    static_cast<void>(release(entry()));
    EXPECT_THAT(answer(Told{true}), ElementsAre(translated(reset())));
}

TEST_F(Waiting, AfterASearchThatHasFailedSegmentsAreGivenUpAndTheNextOneIsLookedUpAnew) {
    park(probe());
    EXPECT_THAT(release(std::nullopt, true), ElementsAre(let_go()));
    EXPECT_THAT(answer(Told{true}), ElementsAre(unsent(probe(), false)));
    EXPECT_THAT(release_next(true), IsEmpty());
    EXPECT_EQ(machine.end_burst(kNow), Problem::names_unknown);
    EXPECT_THAT(send(probe()), ElementsAre(find()));
}

TEST_F(Waiting, ASegmentOfAFlowThatHasEndedMeanwhileIsGivenUp) {
    park(probe());
    machine.forget(kFlow);
    static_cast<void>(release(entry()));
    EXPECT_THAT(answer(Told{false}), ElementsAre(unsent(probe(), false)));
}

TEST_F(Waiting, WhatWaitsForTheNextSearchStays) {
    park(probe());
    engine::Send other = probe();
    other.flow = {2, 1};
    other.segment.source.port = 1001;
    park(other);
    EXPECT_THAT(release(entry()), ElementsAre(let_go()));
    EXPECT_THAT(answer(Told{true}), ElementsAre(translated(probe())));
    EXPECT_THAT(release_next(), IsEmpty());
    wanted = {{std::minmax(other.segment.source, other.segment.destination), std::nullopt}};
    EXPECT_THAT(release_next(), ElementsAre(Action(engine::LetGo{other.flow, kNow})));
    EXPECT_THAT(answer(Told{true}), ElementsAre(as_shown(other, Path::tracked)));
    EXPECT_THAT(release_next(), IsEmpty());
}

TEST_F(Waiting, WhereConntrackHasSeenNoFinTheFlowMayHaveADoubleAndIsSearchedFor) {
    flow::Translation open = entry();
    open.open = true;
    static_cast<void>(send(probe()));
    EXPECT_THAT(answer(open), ElementsAre(scan()));
    EXPECT_THAT(answer(Done{}), ElementsAre(held()));
    EXPECT_EQ(machine.translation(kNow, kFlow), std::nullopt) << "not before that is known";
    EXPECT_THAT(send(probe()), ElementsAre(held()));
    static_cast<void>(release(open));
    EXPECT_THAT(answer(Told{true}), ElementsAre(translated(probe())));
    EXPECT_THAT(release_next(), ElementsAre(let_go()));
    EXPECT_THAT(answer(Told{true}), ElementsAre(translated(probe())));
}

TEST_F(Waiting, OfTwoConnectionsWithTheSameEndsNeitherIsSentTo) {
    flow::Translation open = entry();
    open.open = true;
    flow::Translation other = open;
    other.entry = 8;
    flow::Translation shared = open;
    shared.shared = true;
    for (const flow::Translation& found : {other, shared}) {
        machine.forget(kFlow);
        static_cast<void>(send(probe()));
        static_cast<void>(answer(open));
        static_cast<void>(answer(Done{}));
        static_cast<void>(release(found));
        EXPECT_THAT(answer(Told{true}), ElementsAre(Action(engine::Ambiguous{kFlow, flow::Ambiguity::ends})));
        EXPECT_THAT(release_next(), IsEmpty());
    }
}

TEST_F(Waiting, ThatConntrackHasSeenNoFinMeansNothingOfAFlowThatIsOpen) {
    flow::Translation open = entry();
    open.open = true;
    engine::Send kill = reset();
    kill.half_closed = false;
    static_cast<void>(send(kill));
    EXPECT_THAT(answer(open), ElementsAre(translated(kill)));
    machine.forget(kFlow);
    kill.to_local = true;
    static_cast<void>(send(kill));
    EXPECT_THAT(answer(open), ElementsAre(scan())) << "but of a socket of this machine it does";
}

TEST_F(Waiting, AMarkThatIsMissingIsNoticedThenToo) {
    machine.queued_by(kMark);
    park(probe());
    flow::Translation bare = entry();
    bare.mark = 0;
    static_cast<void>(release(bare));
    EXPECT_THAT(answer(Told{true}), ElementsAre(Action(MarkEntry{bare, kMark})));
    EXPECT_THAT(answer(Done{}), ElementsAre(gap()));
    EXPECT_THAT(answer(Told{true}), ElementsAre(unsent(probe(), false)));
}

TEST_F(Waiting, IsForSoManyAndFurtherOnesAreGivenUp) {
    park(probe());
    for (std::size_t n = 1; n < Machine::kMostWaiting; ++n)
        ASSERT_THAT(send(probe()), ElementsAre(held()));
    EXPECT_THAT(send(probe()), ElementsAre(unsent(probe())));
    EXPECT_EQ(machine.counts().not_sent, 1U);
}

TEST_F(Waiting, WithoutMemoryASegmentDoesNotWait) {
    park(probe());
    EXPECT_THAT(all(machine.abandon()), ElementsAre(unsent(probe())));
    EXPECT_THAT(release(entry()), IsEmpty());
}

TEST_F(Waiting, WithoutMemoryASegmentThatIsLetGoIsGivenUpAndTheNextOneIsLookedUpAnew) {
    park(probe());
    static_cast<void>(release(entry()));
    EXPECT_THAT(all(machine.abandon()), ElementsAre(unsent(probe(), false)));
    EXPECT_THAT(release_next(), IsEmpty());
    EXPECT_THAT(send(probe()), ElementsAre(find()));
}

}  // namespace
}  // namespace finwait::egress
