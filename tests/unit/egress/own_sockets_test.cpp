// Sockets of this machine: the server of the flow is one.
#include "machine_fixture.hpp"

namespace finwait::egress {
namespace {

using tcp::State;
using testing::ElementsAre;
using testing::IsEmpty;

class OwnSockets : public MachineTest {
  protected:
    OwnSockets() {
        machine = Machine();
        machine.know_own_sockets(true);
    }
    [[nodiscard]] engine::Send to_local(engine::Send order) const {
        order.to_local = true;
        return order;
    }
    /// To the client, in the server's name.
    [[nodiscard]] engine::Send to_peer(engine::Send order) const {
        std::swap(order.segment.source, order.segment.destination);
        return order;
    }
    [[nodiscard]] Action query() const { return QuerySocket{server, client}; }
    [[nodiscard]] Action destroy() const { return DestroySocket{server, client}; }
    [[nodiscard]] Action says(flow::Evidence evidence) const {
        return engine::SocketState{kFlow, server, evidence};
    }
    static Socket socket(State state, bool orphaned = false) { return {state, orphaned, false}; }
    All half_close() {
        engine::Event event;
        event.id = kFlow;
        event.client = client;
        event.server = server;
        return all(machine.note_half_closed(kNow, event));
    }
};

TEST_F(OwnSockets, WhatAProbeWouldFindOutTheirKernelSays) {
    using enum flow::Evidence;
    for (const auto& [found, evidence] :
         {std::pair(socket(State::close_wait), alive), std::pair(socket(State::close_wait, true), alive),
          std::pair(socket(State::fin_wait_2), alive), std::pair(socket(State::fin_wait_2, true), orphan),
          std::pair(socket(State::fin_wait_1, true), orphan)}) {
        EXPECT_THAT(send(to_local(probe())), ElementsAre(query()));
        EXPECT_THAT(answer(found), ElementsAre(says(evidence))) << name(found.state);
        EXPECT_FALSE(machine.asks());
    }
    EXPECT_EQ(machine.counts().not_sent, 0U);
}

TEST_F(OwnSockets, ThatOneIsNotThereUnderANameThatNatMayHaveChangedProvesNothingBeforeTheReset) {
    EXPECT_THAT(send(to_local(probe())), ElementsAre(query()));
    EXPECT_THAT(answer(NoSocket{}), ElementsAre(unsent(to_local(probe()))));
    EXPECT_EQ(machine.counts().not_sent, 1U);
    engine::Send makes_sure = to_local(probe());
    makes_sure.after_reset = true;
    static_cast<void>(send(makes_sure));
    EXPECT_THAT(answer(NoSocket{}), ElementsAre(says(flow::Evidence::gone)));
}

TEST_F(OwnSockets, OneThatWasThereAndIsNotAnyMoreIsGone) {
    static_cast<void>(send(to_local(probe())));
    static_cast<void>(answer(socket(State::close_wait)));
    static_cast<void>(send(to_local(probe())));
    EXPECT_THAT(answer(NoSocket{}), ElementsAre(says(flow::Evidence::gone)));
    engine::Send other = to_local(probe());
    other.flow = {2, 1};
    static_cast<void>(send(other));
    EXPECT_THAT(answer(NoSocket{}), ElementsAre(unsent(other))) << "of another flow nothing is known";
}

TEST_F(OwnSockets, OneThatWasThereWhenItsFlowBecameHalfClosedIsGoneWhenItIsNotThereAnyMore) {
    EXPECT_THAT(half_close(), ElementsAre(Action(QuerySocket{client, server})));
    EXPECT_THAT(answer(NoSocket{}), ElementsAre(query()));
    EXPECT_THAT(answer(socket(State::close_wait)), IsEmpty());
    static_cast<void>(send(to_local(probe())));
    EXPECT_THAT(answer(NoSocket{}), ElementsAre(says(flow::Evidence::gone)));
}

TEST_F(OwnSockets, OfWhichNoneWasThereWhenItsFlowBecameHalfClosedNothingIsKnown) {
    static_cast<void>(half_close());
    static_cast<void>(answer(NoSocket{}));
    EXPECT_THAT(answer(Failed{}), IsEmpty());
    static_cast<void>(send(to_local(probe())));
    EXPECT_THAT(answer(NoSocket{}), ElementsAre(unsent(to_local(probe()))));
}

TEST_F(OwnSockets, OneThatIsKnownByConntracksNamesIsGoneWhenItIsNotThere) {
    machine.translate();
    EXPECT_THAT(send(to_local(probe())), ElementsAre(find()));
    EXPECT_THAT(answer(entry()), ElementsAre(Action(QuerySocket{server, gateway})));
    EXPECT_THAT(answer(NoSocket{}), ElementsAre(says(flow::Evidence::gone)));
}

TEST_F(OwnSockets, ThatCannotBeAskedAreNotAndThatIsTold) {
    static_cast<void>(send(to_local(probe())));
    EXPECT_THAT(answer(Failed{}), ElementsAre(unsent(to_local(probe()))));
    EXPECT_EQ(machine.end_burst(kNow), Problem::sockets_unknown);
}

TEST_F(OwnSockets, ForNumbersAProbeIsSentUnlessTheSocketWouldNotGetIt) {
    engine::Send wants = to_local(probe());
    wants.for_numbers = true;
    static_cast<void>(send(wants));
    EXPECT_THAT(answer(socket(State::close_wait)), ElementsAre(as_shown(wants)));
    static_cast<void>(send(wants));
    EXPECT_THAT(answer(Socket{State::close_wait, false, true}), ElementsAre(says(flow::Evidence::alive)));
    static_cast<void>(send(wants));
    EXPECT_THAT(answer(NoSocket{}), ElementsAre(says(flow::Evidence::gone)));
}

TEST_F(OwnSockets, TheKernelEndsOneAndTellsThePeerSoWeDoNot) {
    EXPECT_THAT(send(to_local(reset())), ElementsAre(query()));
    EXPECT_THAT(answer(socket(State::close_wait)), ElementsAre(destroy()));
    EXPECT_THAT(answer(Destroyed::with_rst), IsEmpty());
    EXPECT_THAT(send(to_peer(reset())), IsEmpty());
    EXPECT_EQ(machine.counts().ended, 1U);
    static_cast<void>(machine.end_burst(kNow));
    EXPECT_THAT(send(to_peer(reset())), ElementsAre(as_shown(to_peer(reset())))) << "another time";
}

TEST_F(OwnSockets, WhereTheKernelEndsOneAndDoesNotTellThePeerWeDo) {
    static_cast<void>(send(to_local(reset())));
    static_cast<void>(answer(socket(State::fin_wait_2, true)));
    EXPECT_THAT(answer(Destroyed::alone), IsEmpty());
    EXPECT_EQ(machine.counts().ended, 1U);
    EXPECT_THAT(send(to_peer(reset())), ElementsAre(as_shown(to_peer(reset()))));
}

TEST_F(OwnSockets, WhereTheKernelDoesNotEndOneAnRstIsSent) {
    static_cast<void>(send(to_local(reset())));
    static_cast<void>(answer(socket(State::close_wait)));
    EXPECT_THAT(answer(Destroyed::no), ElementsAre(as_shown(to_local(reset()))));
    static_cast<void>(send(to_local(reset())));
    EXPECT_THAT(answer(Failed{}), ElementsAre(as_shown(to_local(reset()))));
    machine = Machine();
    machine.know_own_sockets(false);
    EXPECT_THAT(send(to_local(reset())), ElementsAre(as_shown(to_local(reset()))));
    EXPECT_EQ(machine.counts().ended, 0U);
}

TEST_F(OwnSockets, ForOneThatIsGoneNothingIsSent) {
    static_cast<void>(send(to_local(reset())));
    EXPECT_THAT(answer(NoSocket{}), IsEmpty());
    EXPECT_FALSE(machine.asks());
}

TEST_F(OwnSockets, WhatTheRstOfOneThatWasEndedHereMakesOfConntrackDoesNotCount) {
    machine.translate();
    machine.queued_by(kMark);
    static_cast<void>(send(to_local(reset())));
    static_cast<void>(answer(entry()));
    static_cast<void>(answer(socket(State::close_wait)));
    static_cast<void>(answer(Destroyed::with_rst));
    flow::Translation astray = entry();
    astray.astray = true;
    static_cast<void>(send(to_peer(reset())));
    EXPECT_THAT(answer(astray), IsEmpty());
}

TEST_F(OwnSockets, BeforeTheyAreKnownThereAreNone) {
    machine = Machine();
    EXPECT_THAT(send(to_local(probe())), ElementsAre(as_shown(to_local(probe()))));
}

class HalfClosed : public OwnSockets {
  protected:
    HalfClosed() {
        machine = Machine();
        machine.translate();
        machine.queued_by(kMark);
    }
};

TEST_F(HalfClosed, AFlowWhoseEntryHasNoMarkGetsItAndItsSidesAreAsked) {
    flow::Translation bare = entry();
    bare.mark = 0;
    EXPECT_THAT(half_close(), ElementsAre(find()));
    EXPECT_THAT(answer(bare), ElementsAre(Action(MarkEntry{bare, kMark})));
    EXPECT_THAT(answer(Done{}), ElementsAre(gap()));
    EXPECT_FALSE(machine.asks());
}

TEST_F(HalfClosed, AMarkThatCannotBeSetIsTriedAgainBeforeASegmentLeaves) {
    flow::Translation bare = entry();
    bare.mark = 0;
    static_cast<void>(half_close());
    static_cast<void>(answer(bare));
    EXPECT_THAT(answer(Failed{}), IsEmpty());
    EXPECT_EQ(machine.end_burst(kNow), std::nullopt);
    static_cast<void>(send(probe()));
    EXPECT_THAT(answer(bare), ElementsAre(Action(MarkEntry{bare, kMark})));
}

TEST_F(HalfClosed, AFlowWithItsMarkOrWithoutAnEntryIsLeftAlone) {
    for (const Answer& found : {Answer(entry()), Answer(NoEntry{}), Answer(Failed{})}) {
        static_cast<void>(half_close());
        EXPECT_THAT(answer(found), IsEmpty());
    }
    machine.queued_by(0);
    EXPECT_THAT(half_close(), IsEmpty());
}

TEST_F(HalfClosed, WithoutMemoryNothingIsNotedAndNothingIsGivenUp) {
    static_cast<void>(half_close());
    EXPECT_THAT(all(machine.abandon()), IsEmpty());
    EXPECT_FALSE(machine.asks());
}

}  // namespace
}  // namespace finwait::egress
