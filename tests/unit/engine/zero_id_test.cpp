// An orphan by its IPv4 ids: Linux answers for a closed socket with id 0. A socket's counter passes 0 as
// well.

#include "support/path.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

tcp::Segment with_id(tcp::Segment s, std::uint16_t id) {
    s.ip_id = id;
    return s;
}

/// The client's ids count up to `last`, which its FIN has. Both sides have been asked.
Path counting(std::uint16_t last = 78, policy::Timeouts t = {}) {
    Path path(asking(t));
    path.client(syn(1000));
    path.server(with_id(syn_ack(5000, 1001), 0));
    path.client(with_id(ack(1001, 5001), static_cast<std::uint16_t>(last - 1)));
    path.client(with_id(fin(1001, 5001), last));
    path.server(with_id(ack(5001, 1002), 900));
    path.wait(milliseconds(3100));
    return path;
}

void both_answer(Path& path, std::uint16_t id) {
    path.client(with_id(ack(1002, 5001), id));
    path.server(with_id(ack(5001, 1002), 901));
}

TEST(ZeroId, OneAnswerWithId0EndsNothing) {
    Path path = counting(UINT16_MAX);
    both_answer(path, 0);
    path.wait(milliseconds(550));
    EXPECT_THAT(path.probes(), SizeIs(2)) << "hosts answer twice a second at most";
    path.wait(milliseconds(100));
    ASSERT_THAT(path.probes(), SizeIs(3));
    EXPECT_EQ(path.probes()[2].destination.port, 40000);
    path.client(with_id(ack(1002, 5001), 1));
    path.wait(minutes(10));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::watching);
}

TEST(ZeroId, TwoAnswersWithId0HalfASecondApartAreAnOrphans) {
    Path path = counting();
    both_answer(path, 0);
    path.wait(milliseconds(650));
    EXPECT_THAT(path.resets(), IsEmpty());
    path.client(with_id(ack(1002, 5001), 0));
    path.wait(milliseconds(1100));
    EXPECT_THAT(path.resets(), SizeIs(2));
}

TEST(ZeroId, TheSecondAnswerMayComeMuchLater) {
    Path path = counting();
    both_answer(path, 0);
    path.wait(milliseconds(4700));  // two attempts have gone unanswered
    EXPECT_THAT(path.resets(), IsEmpty());
    path.client(with_id(ack(1002, 5001), 0));
    path.wait(milliseconds(1100));
    EXPECT_THAT(path.resets(), SizeIs(2));
}

TEST(ZeroId, TheSameAnswerTwiceIsOneAnswer) {
    Path path = counting();
    both_answer(path, 0);
    path.client(with_id(ack(1002, 5001), 0));
    path.wait(milliseconds(650));
    path.client(with_id(ack(1002, 5001), 2));
    path.wait(seconds(5));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(ZeroId, AnIdBetweenTwoZerosShowsACounter) {
    Path path = counting();
    both_answer(path, 0);
    path.wait(milliseconds(100));
    path.client(with_id(ack(1001, 5001), 1));  // its own keepalive
    path.wait(milliseconds(550));
    path.client(with_id(ack(1002, 5001), 0));
    path.wait(minutes(5));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(ZeroId, AForgedIdBetweenTwoZerosHidesNoOrphan) {
    Path path = counting();
    both_answer(path, 0);
    path.wait(milliseconds(100));
    path.client(with_id(ack(900, 5001), 7));  // whoever sends it does not know where the client stands
    path.wait(milliseconds(550));
    path.client(with_id(ack(1002, 5001), 0));
    path.wait(milliseconds(1100));
    EXPECT_THAT(path.resets(), SizeIs(2));
}

TEST(ZeroId, NoSecondAnswerIsNoSilence) {
    Path path = counting();
    both_answer(path, 0);
    path.wait(minutes(5));
    EXPECT_THAT(path.resets(), IsEmpty()) << "it has answered: its host may limit how often it does";
}

TEST(ZeroId, ZerosOfTwoInquiriesAreNotCountedTogether) {
    Path path = counting();
    both_answer(path, 0);
    path.wait(milliseconds(650));
    path.client(with_id(ack(1002, 5001), 1));
    path.wait(minutes(15) + seconds(1));
    both_answer(path, 0);
    path.wait(milliseconds(500));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::probing);
}

TEST(ZeroId, IdsThatAreAlways0ProveNothing) {
    Path path = asked();
    for (int i = 0; i < 4; ++i) {
        path.client(ack(1002, 5001));
        path.server(ack(5001, 1002));
        path.wait(seconds(2));
    }
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(ZeroId, TheIdOfASynIsNobodysCounter) {
    Path path(asking());
    path.client(with_id(syn(1000), 7));
    path.server(syn_ack(5000, 1001));
    path.client(ack(1001, 5001));
    path.client(fin(1001, 5001));
    path.server(ack(5001, 1002));
    path.wait(milliseconds(3100));
    for (int i = 0; i < 4; ++i) {
        path.client(ack(1002, 5001));
        path.server(ack(5001, 1002));
        path.wait(seconds(2));
    }
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(ZeroId, DataAndFinsWithId0ComeFromOneThatDoesNotCount) {
    Path path(asking());
    path.handshake();
    path.client(with_id(data(1001, 5001, 10), 5));
    path.server(with_id(ack(5001, 1011), 900));
    path.client(with_id(fin(1011, 5001), 0));
    path.server(with_id(ack(5001, 1012), 901));
    path.wait(milliseconds(3100));
    for (int i = 0; i < 4; ++i) {
        path.client(ack(1012, 5001));
        path.server(ack(5001, 1012));
        path.wait(seconds(2));
    }
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(ZeroId, TheHoldersIdsSayNothing) {
    Path path = counting();
    path.client(with_id(ack(1002, 5001), 79));
    path.server(with_id(ack(5001, 1002), 0));
    path.wait(seconds(10));
    EXPECT_THAT(path.resets(), IsEmpty());
}

TEST(ZeroId, AServerThatClosedIsJudgedLikeAClient) {
    Path path(asking());
    path.handshake();
    path.server(with_id(fin(5001, 1001), 300));
    path.client(with_id(ack(1001, 5002), 400));
    path.wait(milliseconds(3100));
    path.server(with_id(ack(5002, 1001), 0));
    path.client(with_id(ack(1001, 5002), 401));
    path.wait(milliseconds(650));
    EXPECT_THAT(path.resets(), IsEmpty());
    path.server(with_id(ack(5002, 1001), 0));
    path.wait(milliseconds(1100));
    EXPECT_THAT(path.resets(), SizeIs(2));
}

TEST(ZeroId, EachAnswerIsToldWithWhatItMeans) {
    Path path = counting();
    both_answer(path, 0);
    path.wait(milliseconds(650));
    std::vector<std::string> reasons;
    for (const Action& action : path.actions)
        if (const auto* event = std::get_if<Event>(&action)) reasons.emplace_back(event->reason);
    EXPECT_THAT(reasons, ::testing::Contains(::testing::HasSubstr("IPv4 id 0, as an orphan does")));
    EXPECT_THAT(reasons, ::testing::Contains(::testing::HasSubstr("does the next one have it, too?")));
}

}  // namespace
}  // namespace finwait::engine::testing
