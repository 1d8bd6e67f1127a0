// Flows of this machine's own sockets that are older than the engine: who is asked for what, what the answers
// mean, and whose doing their end is.
#include "support/adopted.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::Contains;
using ::testing::Not;

Adoptee of_a_socket_here(const Path& path, std::optional<tcp::Role> closer, tcp::Role here) {
    Adoptee adoptee = told(path, closer, minutes(10));
    adoptee.client_is_local = here == tcp::Role::client;
    adoptee.server_is_local = here == tcp::Role::server;
    return adoptee;
}

TEST(OwnSockets, TheSocketIsAskedForItsNumbersAndThenItsKernelForItsState) {
    Path path(with(policy::OnExpiry::probe));
    ASSERT_TRUE(path.engine.adopt(path.now, of_a_socket_here(path, tcp::Role::client, tcp::Role::server)));
    EXPECT_EQ(path.flow().subject.closer, tcp::Role::client);
    path.wait(kSoon);
    ASSERT_EQ(path.sends().size(), 2U);
    for (const Send& send : path.sends()) {
        EXPECT_EQ(send.to_local, send.segment.destination == kServer);
        EXPECT_TRUE(send.for_numbers && send.guessed);
    }
    path.server_is_here();
    path.server(ack(5001, 1002));
    path.client(ack(1002, 5001));
    path.wait(seconds(2));
    ASSERT_EQ(path.sends().size(), 4U) << "it has been idle for longer than its time";
    EXPECT_FALSE(path.sends()[3].guessed || path.sends()[3].for_numbers);
    path.word(tcp::Role::server, flow::Evidence::gone);
    path.wait(seconds(2));
    EXPECT_EQ(path.resets().size(), 1U);
}

TEST(OwnSockets, TheWitnessOfAHalfCloseIsNamed) {
    for (const bool by_socket : {false, true}) {
        Path path(with(policy::OnExpiry::probe));
        Adoptee adoptee = of_a_socket_here(path, tcp::Role::client, tcp::Role::server);
        adoptee.told_by_socket = by_socket;
        ASSERT_TRUE(path.engine.adopt(path.now, adoptee));
        path.wait(kSoon);
        std::size_t named = 0;
        for (const Action& action : path.actions)
            if (const auto* event = std::get_if<Event>(&action)) {
                const std::string reason(event->reason);
                EXPECT_EQ(reason.find(by_socket ? "conntrack" : "own socket"), std::string::npos) << reason;
                named += reason.find(by_socket ? "own socket" : "conntrack") != std::string::npos ? 1U : 0U;
            }
        EXPECT_GE(named, 2U) << "of the half-close, and of the probes";
    }
}

/// The server here is asked for its numbers; the ACK that it sends is not seen, and draws an RST.
Path with_drawn_reset() {
    Path path(with(policy::OnExpiry::probe));
    EXPECT_TRUE(path.engine.adopt(path.now, of_a_socket_here(path, tcp::Role::client, tcp::Role::server)));
    path.wait(kSoon);
    EXPECT_EQ(path.sends().size(), 2U);
    path.server_is_here();
    EXPECT_EQ(path.client(rst(1002)), Verdict::accept);
    path.wait(milliseconds(700));
    return path;
}

TEST(OwnSockets, AnRstThatTheSocketsAnswerHasDrawnIsOurDoingAndIsConfirmed) {
    Path path = with_drawn_reset();
    ASSERT_EQ(path.sends().size(), 3U);
    EXPECT_TRUE(path.sends().back().to_local && path.sends().back().after_reset);
    path.word(tcp::Role::server, flow::Evidence::gone);
    path.wait(milliseconds(10));
    EXPECT_THAT(path.events(), Contains(EventType::confirmed));
    EXPECT_THAT(path.events(), Not(Contains(EventType::closed)));
    EXPECT_EQ(path.engine.counters().resets_confirmed, 1U);
}

TEST(OwnSockets, ASocketThatOutlivesAForgedRstIsNotResetByANumberThatNobodyKnows) {
    Path path = with_drawn_reset();
    path.word(tcp::Role::server, flow::Evidence::alive);
    path.wait(minutes(5));
    EXPECT_TRUE(path.resets().empty());
}

TEST(OwnSockets, ThoseThatAreSparedAreNotAsked) {
    Options options = with(policy::OnExpiry::probe);
    options.tuning.spare = std::get<policy::Filter>(policy::Filter::parse("port 80"));
    Path path(std::move(options));
    ASSERT_TRUE(path.engine.adopt(path.now, of_a_socket_here(path, tcp::Role::client, tcp::Role::server)));
    path.wait(minutes(10));
    EXPECT_TRUE(path.sends().empty());
}

TEST(OwnSockets, AFlowThatIsKnownLearnsThatItsEndIsHere) {
    Path path(with(policy::OnExpiry::probe));
    path.client_half_closed();
    EXPECT_TRUE(
        path.engine.adopt_known(path.now, of_a_socket_here(path, tcp::Role::client, tcp::Role::server)));
    path.wait(seconds(61));
    ASSERT_EQ(path.sends().size(), 2U);
    for (const Send& send : path.sends())
        EXPECT_EQ(send.to_local, send.segment.destination == kServer);
}

TEST(OwnSockets, WhoIsHereIsKnownInTheShardThatHearsOfTheFlow) {
    Path first(with(policy::OnExpiry::probe));
    ASSERT_TRUE(first.engine.adopt(first.now, of_a_socket_here(first, tcp::Role::client, tcp::Role::server)));
    tcp::Segment heard = ack(5001, 1002);
    heard.source = kServer;
    heard.destination = kClient;
    const auto adoptee = first.engine.hand_over(first.now, heard);
    ASSERT_TRUE(adoptee);
    EXPECT_TRUE(adoptee->server_is_local);
    EXPECT_FALSE(adoptee->client_is_local);
}

TEST(OwnSockets, AnRstThatIsHeardInAnotherShardEndsTheFlowInTheOneThatHasAsked) {
    Path first(with(policy::OnExpiry::probe));
    ASSERT_TRUE(first.engine.adopt(first.now, of_a_socket_here(first, tcp::Role::client, tcp::Role::server)));
    first.wait(kSoon);
    tcp::Segment heard = rst(1002);
    heard.source = kClient;
    heard.destination = kServer;
    EXPECT_FALSE(first.engine.hand_over(first.now, heard));
    first.wait(milliseconds(700));
    first.word(tcp::Role::server, flow::Evidence::gone);
    first.wait(milliseconds(10));
    EXPECT_EQ(first.engine.counters().resets_confirmed, 1U);
}

/// Two shards: `first` has been given the flow and has asked; its answers come to `second`.
struct TwoShards {
    TwoShards() : first(with(policy::OnExpiry::probe)), second(with(policy::OnExpiry::probe)) {
        EXPECT_TRUE(
            first.engine.adopt(first.now, of_a_socket_here(first, tcp::Role::client, tcp::Role::server)));
        first.wait(kSoon);
        second.now = first.now;
        second.server_is_here();
    }
    void migrate() {
        tcp::Segment heard = ack(5001, 1002);
        heard.source = kServer;
        heard.destination = kClient;
        const auto adoptee = first.engine.hand_over(first.now, heard);
        ASSERT_TRUE(adoptee);
        second.engine.take_in(second.now, *adoptee, heard);
        EXPECT_TRUE(first.flows().empty());
    }
    void expect_confirmed() {
        second.wait(milliseconds(700));
        second.word(tcp::Role::server, flow::Evidence::gone);
        second.wait(milliseconds(10));
        EXPECT_EQ(second.engine.counters().resets_confirmed, 1U);
        EXPECT_THAT(second.events(), Contains(EventType::confirmed));
        EXPECT_THAT(second.events(), Not(Contains(EventType::closed)));
    }
    Path first;
    Path second;
};

TEST(OwnSockets, AnRstAfterTheFlowHasChangedItsShardIsOurDoing) {
    TwoShards shards;
    shards.second.server(ack(5001, 1002));
    shards.migrate();
    shards.second.client(rst(1002));
    shards.expect_confirmed();
}

TEST(OwnSockets, AnRstBeforeTheFlowHasChangedItsShardIsOurDoing) {
    TwoShards shards;
    shards.second.server(ack(5001, 1002));
    shards.second.client(rst(1002));
    shards.migrate();
    shards.expect_confirmed();
}

TEST(OwnSockets, AFlowThatHasChangedItsShardIsAskedAgainSoon) {
    TwoShards shards;
    shards.second.server(ack(5001, 1002));
    shards.migrate();
    shards.second.wait(milliseconds(700));
    EXPECT_EQ(shards.second.sends().size(), 2U);
}

TEST(OwnSockets, AKillGoesWithTheFlowIntoAnotherShard) {
    TwoShards shards;
    EXPECT_EQ(shards.first.engine.kill(shards.first.now, shards.first.flow().id), KillResult::requested);
    shards.second.server(ack(5001, 1002));
    shards.migrate();
    shards.second.wait(milliseconds(700));
    shards.second.server(ack(5001, 1002));
    shards.second.client(ack(1002, 5001));
    shards.second.wait(seconds(1));
    EXPECT_EQ(shards.second.resets().size(), 2U);
}

TEST(OwnSockets, AnOpenOneThatConntrackDoesNotKnowIsNotForgotten) {
    Path path(with(policy::OnExpiry::probe));
    ASSERT_TRUE(path.engine.adopt(path.now, of_a_socket_here(path, std::nullopt, tcp::Role::server)));
    for (int look = 0; look < 3; ++look) {
        path.wait(seconds(1));
        path.engine.on_hints_complete(path.now);
    }
    path.wait(seconds(1));
    EXPECT_EQ(path.flows().size(), 1U);
}

TEST(OwnSockets, KeepTheirRolesThoughConntrackHasSeenTheServerFirst) {
    for (const auto closer : {std::optional<tcp::Role>(), std::optional(tcp::Role::client)}) {
        Path path(with(policy::OnExpiry::probe));
        ASSERT_TRUE(path.engine.adopt(path.now, of_a_socket_here(path, closer, tcp::Role::server)));
        path.wait(seconds(1));
        const Belief belief = closer ? Belief::answerer_closed : Belief::open;
        EXPECT_TRUE(path.engine.on_hint(path.now, path.now, {kServer, kClient, belief}));
        EXPECT_EQ(path.flows("port 80").size(), 1U) << "the server's port";
    }
}

}  // namespace
}  // namespace finwait::engine::testing
