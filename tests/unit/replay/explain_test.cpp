// The words beside each step of a timeline.

#include "replay/explain.hpp"

#include "replay/support.hpp"

namespace finwait::replay::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::vector<std::string> reasons(const std::vector<Bytes>& packets) {
    const PcapFile file(link::raw);
    for (const Bytes& packet : packets)
        file.add(0, packet);
    const Replayed replayed(file.path());
    std::vector<std::string> out;
    if (replayed.replay.flows().empty()) return out;
    const std::vector<flow::Step>& steps = replayed.replay.flows()[0].steps;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        out.push_back(std::string(name(steps[i].side)) + " " + std::string(name(steps[i].state)) + ": " +
                      explain(steps, i));
    }
    return out;
}

TEST(Explain, EachStepNamesWhatProvedItWithItsSection) {
    EXPECT_THAT(
        reasons(Hosts{}.half_closed()),
        ::testing::ElementsAre(
            "client syn-sent: it sent a SYN (3.10.1: active OPEN sends a SYN)",
            "server closed: it has not been heard yet",
            StartsWith(
                "server syn-recv: it acknowledged the peer's SYN before its own was acknowledged (3.10.7.2"),
            StartsWith("client established: it acknowledged the peer's SYN (3.10.7.3"),
            StartsWith("server established: the peer acknowledged its SYN (3.10.7.4"),
            StartsWith("client fin-wait-1: it sent a FIN (3.10.4: CLOSE in ESTABLISHED"),
            StartsWith("client fin-wait-2: the peer, still open, acknowledged its FIN (3.10.7.4"),
            StartsWith("server close-wait: it acknowledged the peer's FIN (3.10.7.4")));
}

TEST(Explain, ASegmentThatProvesTwoThingsNamesBoth) {
    const Hosts hosts;
    const std::vector<std::string> all =
        reasons({hosts.from_client(syn(1000)), hosts.from_server(syn_ack(5000, 1001)),
                 hosts.from_client(ack(1001, 5001)), hosts.from_client(fin(1001, 5001)),
                 hosts.from_server(fin(5001, 1002))});
    EXPECT_THAT(all, ::testing::Contains(
                         AllOf(StartsWith("server last-ack: it acknowledged the peer's FIN (3.10.7.4"),
                               HasSubstr("; it sent a FIN (3.10.4: CLOSE in CLOSE-WAIT"))));
}

TEST(Explain, AnAcknowledgedFinAndAnRstCloseForDifferentReasons) {
    const Hosts hosts;
    std::vector<Bytes> packets = hosts.half_closed();
    packets.push_back(hosts.from_server(fin(5001, 1002)));
    std::vector<Bytes> reset = packets;
    packets.push_back(hosts.from_client(ack(1002, 5002)));
    reset.push_back(hosts.from_server(rst(5002)));
    EXPECT_THAT(reasons(packets).back(), HasSubstr("acknowledged its FIN"));
    EXPECT_THAT(reasons(reset).back(), HasSubstr("the connection was reset"));
}

TEST(Explain, AFlowPickedUpMidwayDoesNotClaimAHandshake) {
    const Hosts hosts;
    const std::vector<std::string> all =
        reasons({hosts.from_client(data(1001, 5001, 10)), hosts.from_server(data(5001, 1011, 10)),
                 hosts.from_client(data(1011, 5011, 10)), hosts.from_server(data(5011, 1021, 10))});
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0], "client unknown: picked up midway: nothing is proven yet");
    EXPECT_EQ(all[2], "client established: picked up midway: what passed since leaves only this");
}

}  // namespace
}  // namespace finwait::replay::testing
