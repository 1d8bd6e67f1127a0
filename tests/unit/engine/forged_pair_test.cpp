// Forged segments that fit each other, from both sides, by somebody who knows no number of the connection:
// what the real sides say next corrects what they made believe.
#include "support/path.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint32_t kClient = 0x70000000;  // made up; the real ones begin at 1000 and 5000
constexpr std::uint32_t kServer = 0x30000000;

tcp::Segment by_md5(tcp::Segment s) {
    s.options |= tcp::option::md5;
    return s;
}

policy::Timeouts quick() {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(3);
    t.probe_interval = seconds(2);
    t.probe_attempts = 3;
    return t;
}

/// An open connection on the fast path.
Path on_the_fast_path() {
    Options options = selective();
    options.tuning.policies = policy::PolicySet({}, quick());
    Path path(options);
    path.handshake();
    path.wait(seconds(5));
    return path;
}

/// The real sides' words while both are asked, over and over; the closer is an orphan's record.
void let_answer(Path& path, Duration time, std::uint32_t client, std::uint32_t server) {
    for (const Instant end = path.now + time; path.now < end; path.wait(milliseconds(600))) {
        if (path.flows("phase probing").empty()) continue;
        path.client(ack(client, server));
        path.server(ack(server, client));
    }
}

TEST(AForgedFinAndItsAnswer, AreTakenBackByTheRealFin) {
    Path path = on_the_fast_path();
    path.client(fin(kClient, kServer));
    path.server(ack(kServer, kClient + 1));
    EXPECT_THAT(path.flows("state fin-wait-2"), SizeIs(1));
    path.wait(seconds(1));
    path.client(fin(1001, 5001));
    path.server(ack(5001, 1002));
    EXPECT_THAT(path.flows("state fin-wait-2"), SizeIs(1));
    path.wait(milliseconds(3500));
    EXPECT_FALSE(path.probes().empty());
    path.actions.clear();
    path.server(rst(5001));
    path.client(rst(1002));
    path.wait(seconds(10));
    EXPECT_THAT(path.flows("phase watching"), IsEmpty());
}

TEST(AForgedFinAndItsAnswer, AreTakenBackByTheRealFinOfTheOtherSide) {
    Path path = on_the_fast_path();
    path.client(fin(kClient, kServer));
    path.server(ack(kServer, kClient + 1));
    path.server(fin(5001, 1001));
    path.client(ack(1001, 5002));
    EXPECT_THAT(path.flows("closer server"), SizeIs(1));
}

TEST(AForgedFinAndItsAnswer, AreTakenBackByDataOfItsSender) {
    Path path = on_the_fast_path();
    path.client(fin(kClient, kServer));
    path.server(ack(kServer, kClient + 1));
    path.client(data(1001, 5001, 100));
    path.client(data(1101, 5001, 100));
    path.server(ack(5001, 1201));
    EXPECT_THAT(path.flows("state fin-wait-2"), IsEmpty());
    path.client(fin(1201, 5001));
    path.server(ack(5001, 1202));
    EXPECT_THAT(path.flows("state fin-wait-2"), SizeIs(1));
    EXPECT_EQ(path.flow().side[0].fin, tcp::Seq(1202));
}

TEST(AForgedFinAndItsAnswer, ThatCloseBothSidesAreTakenBackByTheRealFin) {
    Path path = on_the_fast_path();
    path.client(fin(kClient, kServer));
    path.server(fin(kServer, kClient + 1));
    path.client(ack(kClient + 1, kServer + 1));
    EXPECT_THAT(path.flows("state time-wait"), SizeIs(1));
    path.client(fin(1001, 5001));
    path.server(ack(5001, 1002));
    EXPECT_THAT(path.flows("state fin-wait-2"), SizeIs(1));
}

TEST(AForgedFinAndItsAnswer, DoNotReachARealPairThatHasAnsweredAQuestion) {
    Path path = on_the_fast_path();
    path.client(fin(1001, 5001));
    path.server(ack(5001, 1002));
    path.wait(milliseconds(3500));
    path.client(ack(1002, 5001));
    path.server(ack(5001, 1002));
    path.wait(seconds(1));
    path.client(data(kClient, kServer, 5));
    EXPECT_THAT(path.flows("state fin-wait-2"), SizeIs(1));
    EXPECT_EQ(path.flow().side[0].fin, tcp::Seq(1002));
}

TEST(AForgedFinAndItsAnswer, AreTakenBackByTheAnswersOfBothSides) {
    for (const bool closer_first : {true, false}) {
        Path path = on_the_fast_path();
        path.client(fin(kClient, kServer));
        path.server(ack(kServer, kClient + 1));
        path.wait(milliseconds(3500));
        for (int answer = 0; answer < 3; ++answer) {
            if (closer_first) path.client(ack(1001, 5001));
            path.server(ack(5001, 1001));
            if (!closer_first) path.client(ack(1001, 5001));
            path.wait(milliseconds(600));
        }
        EXPECT_THAT(path.flows("state established"), SizeIs(1)) << closer_first;
        path.server(fin(5001, 1001));
        path.client(ack(1001, 5002));
        EXPECT_THAT(path.flows("closer server"), SizeIs(1)) << closer_first;
    }
}

TEST(ARealHalfClose, ThatAForgedSegmentDeniesIsAskedAndEndedAllTheSame) {
    Path path = on_the_fast_path();
    path.client(fin(1001, 5001));
    path.server(ack(5001, 1002));
    path.client(data(kClient, kServer, 5));
    path.wait(seconds(3));
    ASSERT_THAT(path.flows("state fin-wait-2"), SizeIs(1));
    EXPECT_FALSE(path.probes().empty());
    path.server(ack(5001, 1002));
    path.client(ack(1002, 5001));
    path.wait(seconds(4));
    path.server(rst(5001));
    path.wait(seconds(10));
    EXPECT_THAT(path.flows("phase watching"), IsEmpty());
}

TEST(AForgedSignedOpening, IsTakenBackByTheRealFinAndItsAnswer) {
    for (const bool on_fast_path : {true, false}) {
        Path path = on_fast_path ? on_the_fast_path() : Path(asking(quick()));
        if (!on_fast_path) path.handshake();
        path.client(by_md5(syn(kClient)));
        path.server(by_md5(syn_ack(kServer, kClient + 1)));
        path.client(by_md5(ack(kClient + 1, kServer + 1)));
        path.wait(seconds(3));
        path.client(fin(1001, 5001));
        path.server(ack(5001, 1002));
        EXPECT_THAT(path.flows("state fin-wait-2"), SizeIs(1)) << on_fast_path;
        let_answer(path, seconds(12), 1002, 5001);
        EXPECT_TRUE(path.flow().side[0].exact && path.flow().side[1].exact) << on_fast_path;
    }
}

TEST(AForgedSignedOpening, DoesNotReachAHalfClosedConnectionThatWasOpenedUnsigned) {
    for (const bool on_fast_path : {true, false}) {
        Path path = on_fast_path ? on_the_fast_path() : Path(asking(quick()));
        if (!on_fast_path) path.handshake();
        path.client(fin(1001, 5001));
        path.server(ack(5001, 1002));
        path.client(by_md5(syn(kClient)));
        path.server(by_md5(syn_ack(kServer, kClient + 1)));
        path.client(by_md5(ack(kClient + 1, kServer + 1)));
        EXPECT_THAT(path.flows("state fin-wait-2"), SizeIs(1)) << on_fast_path;
        path.wait(seconds(4));
        EXPECT_FALSE(path.probes().empty()) << on_fast_path;
    }
}

TEST(AForgedSignedOpening, OfTwoSegmentsIsTakenBackToo) {
    Path path = on_the_fast_path();
    path.client(by_md5(syn(kClient)));
    path.server(by_md5(syn_ack(kServer, kClient + 1)));
    path.wait(seconds(3));
    path.client(fin(1001, 5001));
    path.server(ack(5001, 1002));
    EXPECT_THAT(path.flows("state fin-wait-2"), SizeIs(1));
}

TEST(AForgedRst, ThatIsNotExactDoesNotKeepALaterOrphanFromBeingAsked) {
    for (const std::uint32_t off : {1U, 30'000U, 0x10000000U}) {
        Path path = on_the_fast_path();
        path.server(rst(5001 + off));
        path.wait(milliseconds(500));
        path.client(fin(1001, 5001));
        path.server(ack(5001, 1002));
        ASSERT_THAT(path.flows("state fin-wait-2"), SizeIs(1)) << off;
        path.wait(seconds(4));
        EXPECT_FALSE(path.probes().empty()) << off;
        let_answer(path, seconds(3), 1002, 5001);
        EXPECT_TRUE(path.flow().side[0].exact && path.flow().side[1].exact) << off;
    }
}

}  // namespace
}  // namespace finwait::engine::testing
