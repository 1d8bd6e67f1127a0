// Captures that nobody here made (Zeek's test traces), against what a reader of them finds at their end. They
// are not part of the project: where ../shared/captures is absent, these tests are skipped.

#include "replay/support.hpp"

#include <filesystem>

namespace finwait::replay::testing {
namespace {

using ::testing::ElementsAre;

std::filesystem::path captures() {
    const std::filesystem::path tests = std::filesystem::path(__FILE__).parent_path();
    return (tests / "../../../../shared/captures").lexically_normal();
}

class SharedCaptures : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!std::filesystem::is_directory(captures()))
            GTEST_SKIP() << "skipped: no captures in " << captures();
    }
    static Replayed replay(const std::string& name) {
        Replayed replayed(captures() / (name + ".pcap"));
        EXPECT_EQ(replayed.problem, "");
        EXPECT_EQ(replayed.replay.counts().refused(), 0U);
        return replayed;
    }
    static std::vector<std::string> ends(const std::string& name) { return replay(name).ends(); }
};

/// Every state that a side was in, in order.
std::string path_of(const Replayed& replayed, tcp::Role side) {
    std::string path;
    for (const flow::Step& step : replayed.replay.flows().at(0).steps) {
        if (step.side == side) path += (path.empty() ? "" : " ") + std::string(name(step.state));
    }
    return path;
}

TEST_F(SharedCaptures, Pop3UnknownCommandsEndsHalfClosedByTheServer) {
    EXPECT_THAT(ends("pop3-unknown-commands"), ElementsAre("close-wait/fin-wait-2 closer server"));
}

TEST_F(SharedCaptures, SmtpMultiAddrEndsHalfClosedByTheServer) {
    EXPECT_THAT(ends("smtp-multi-addr"), ElementsAre("close-wait/fin-wait-2 closer server"));
}

TEST_F(SharedCaptures, ReassemblyIsAHalfCloseInUseThatTheClientEnds) {
    const Replayed replayed = replay("reassembly");
    EXPECT_THAT(replayed.ends(), ElementsAre("closed/time-wait"));
    EXPECT_EQ(path_of(replayed, tcp::Role::server),
              "closed syn-recv established fin-wait-1 fin-wait-2 time-wait");
}

TEST_F(SharedCaptures, HttpGetGzipsFinsCrossAndItIsNeverHalfClosed) {
    const Replayed replayed = replay("http-get-gzip");
    EXPECT_THAT(replayed.ends(), ElementsAre("time-wait/time-wait"));
    EXPECT_EQ(path_of(replayed, tcp::Role::client).find("fin-wait-2"), std::string::npos);
    EXPECT_EQ(path_of(replayed, tcp::Role::server).find("fin-wait-2"), std::string::npos);
}

// The client acknowledged the server's FIN 18 ms before it sent its own: CLOSE-WAIT, LAST-ACK, and by the
// acknowledgment of that CLOSED (RFC 9293 section 3.10.7.4). TIME-WAIT on both sides takes FINs that cross.
TEST_F(SharedCaptures, TimestampIsHalfClosedByTheServerAndThenClosed) {
    const Replayed replayed = replay("timestamp");
    EXPECT_THAT(replayed.ends(), ElementsAre("closed/time-wait"));
    EXPECT_EQ(path_of(replayed, tcp::Role::client), "syn-sent established close-wait last-ack closed");
}

// In both flows the last segment acknowledges the client's FIN, which it sent in answer to the server's:
// LAST-ACK becomes CLOSED (RFC 9293 section 3.10.7.4). The first flow's comes after the second's SYN, which
// makes it easy to overlook.
TEST_F(SharedCaptures, TcpFastOpensFlowsAreBothClosedByTheirLastAck) {
    EXPECT_THAT(ends("tcp-fast-open"), ElementsAre("closed/time-wait", "closed/time-wait"));
}

TEST_F(SharedCaptures, PayloadSynIsClosedByTheClient) {
    EXPECT_THAT(ends("payload-syn"), ElementsAre("time-wait/closed"));
}

TEST_F(SharedCaptures, SshDupsEveryPacketThriceChangesNothing) {
    EXPECT_THAT(ends("ssh-dups"), ElementsAre("time-wait/closed"));
}

TEST_F(SharedCaptures, HandshakeReorderIsSeenWholeAlthoughItsSynComesSecond) {
    const Replayed replayed = replay("handshake-reorder");
    EXPECT_THAT(replayed.ends(), ElementsAre("time-wait/closed"));
    EXPECT_FALSE(replayed.replay.flows()[0].adopted);
}

TEST_F(SharedCaptures, MissingSynIsAdopted) {
    const Replayed replayed = replay("missing-syn");
    EXPECT_THAT(replayed.ends(), ElementsAre("time-wait/closed"));
    EXPECT_TRUE(replayed.replay.flows()[0].adopted);
}

TEST_F(SharedCaptures, TruncatedHeaderIsReadWithoutItsOptions) {
    EXPECT_THAT(ends("truncated-header"), ElementsAre("closed/time-wait"));
}

// The RST stands exactly at the number that the client acknowledged last, so the client takes it and is
// CLOSED (RFC 9293 section 3.10.7.4, RFC 5961 section 3); FIN-WAIT-1 would be right only had it been lost.
TEST_F(SharedCaptures, FinRetransmissionIsClosedByAnExactRst) {
    EXPECT_THAT(ends("fin_retransmission"), ElementsAre("closed/closed"));
}

// In SYN-SENT an RST counts only when it acknowledges the SYN (RFC 9293 section 3.10.7.3): the first one does
// not. The second stands exactly at what the client has acknowledged.
TEST_F(SharedCaptures, RstInjectRaeSurvivesTheFirstRstAndIsClosedByTheSecond) {
    const Replayed replayed = replay("rst-inject-rae");
    EXPECT_THAT(replayed.ends(), ElementsAre("closed/closed"));
    EXPECT_EQ(path_of(replayed, tcp::Role::client), "syn-sent established closed");
}

// The RST comes from the client itself, at the number of its own SYN, which only it and its path know: a host
// that sends an RST has no connection (RFC 9293 section 3.10.7.1). The server has sent nothing.
TEST_F(SharedCaptures, SynThenRstIsClosedByItsOwnClient) {
    EXPECT_THAT(ends("syn-then-rst"), ElementsAre("closed/closed"));
}

TEST_F(SharedCaptures, WindowScaleRangeIsEstablishedWithAScaleCutToFourteen) {
    EXPECT_THAT(ends("window-scale-range"), ElementsAre("established/established"));
}

}  // namespace
}  // namespace finwait::replay::testing
