// Virtual time, what policies would have done, and what is kept of each flow.

#include "replay/support.hpp"

namespace finwait::replay::testing {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

Options policy(const std::string& name, const std::string& match, Duration fin_wait_2) {
    policy::Timeouts timeouts;
    timeouts.fin_wait_2 = fin_wait_2;
    Options options;
    options.policies = policy::PolicySet(
        {{name, std::get<policy::Filter>(policy::Filter::parse(match)), timeouts}}, policy::Timeouts{});
    return options;
}

/// A half-closed flow whose server sends data at each of the times.
void add_half_closed(const PcapFile& file, const std::vector<double>& data_at) {
    const Hosts hosts;
    for (const Bytes& packet : hosts.half_closed())
        file.add(0, packet);
    std::uint32_t seq = 5001;
    for (const double t : data_at) {
        file.add(t, hosts.from_server(data(seq, 1002, 100)));
        seq += 100;
        file.add(t, hosts.from_client(ack(1002, seq)));
    }
}

TEST(Replay, TheHistoryBeginsWithBothSidesFirstStatesAndHoldsEveryMove) {
    const PcapFile file(link::raw);
    double t = 0;
    for (const Bytes& packet : Hosts{}.half_closed())
        file.add(t++, packet);
    const Replayed replayed(file.path());
    ASSERT_THAT(replayed.replay.flows(), SizeIs(1));
    std::vector<std::string> history;
    for (const flow::Step& step : replayed.replay.flows()[0].steps) {
        history.push_back(std::to_string(step.at.since_origin() / 1s) + " " + std::string(name(step.side)) +
                          " " + std::string(name(step.state)));
    }
    EXPECT_THAT(history, ElementsAre("0 client syn-sent", "0 server closed", "1 server syn-recv",
                                     "2 client established", "2 server established", "3 client fin-wait-1",
                                     "4 client fin-wait-2", "4 server close-wait"));
}

TEST(Replay, APolicysResetIsRecordedWhenItsTimeIsUp) {
    const PcapFile file(link::raw);
    add_half_closed(file, {100});
    const Replayed replayed(file.path(), policy("web", "port 80", seconds(30)));
    ASSERT_THAT(replayed.replay.flows(), SizeIs(1));
    const Flow& flow = replayed.replay.flows()[0];
    ASSERT_THAT(flow.resets, SizeIs(1));
    EXPECT_NEAR(testing::seconds(flow.resets[0].at), 30, 0.01);
    EXPECT_EQ(replayed.replay.policies()[flow.resets[0].policy].name, "web");
    EXPECT_EQ(flow.resets[0].reason, "idle for fin_wait_2");
    EXPECT_TRUE(flow.went_on_after(flow.resets[0]));
}

TEST(Replay, AFlowInUseIsNotReset) {
    const PcapFile file(link::raw);
    add_half_closed(file, {20, 40, 60, 80, 100});
    const Replayed replayed(file.path(), policy("web", "port 80", seconds(30)));
    EXPECT_THAT(replayed.replay.flows()[0].resets, IsEmpty());
}

TEST(Replay, WithoutAConfigurationTheBuiltInFiveMinutesHold) {
    const PcapFile file(link::raw);
    add_half_closed(file, {299, 900});
    const Replayed replayed(file.path());
    const Flow& flow = replayed.replay.flows()[0];
    ASSERT_THAT(flow.resets, SizeIs(1));
    EXPECT_NEAR(testing::seconds(flow.resets[0].at), 599, 0.01);
}

TEST(Replay, TheConnectionGoesOnWhateverThePolicyWouldHaveDone) {
    const PcapFile file(link::raw);
    add_half_closed(file, {400});
    const Hosts hosts;
    file.add(401, hosts.from_server(fin(5101, 1002)));
    file.add(401, hosts.from_client(ack(1002, 5102)));
    const Replayed replayed(file.path());
    EXPECT_THAT(replayed.ends(), ElementsAre("time-wait/closed"));
    EXPECT_THAT(replayed.replay.flows()[0].resets, SizeIs(1));
}

TEST(Replay, TimeThatRunsBackwardsStandsStill) {
    const PcapFile file(link::raw);
    const std::vector<Bytes> packets = Hosts{}.half_closed();
    const std::vector<double> times = {100, 50, 101, 0, 102};
    for (std::size_t i = 0; i < packets.size(); ++i)
        file.add(times[i], packets[i]);
    const Replayed replayed(file.path());
    EXPECT_THAT(replayed.ends(), ElementsAre("fin-wait-2/close-wait closer client"));
    EXPECT_EQ(replayed.replay.counts().backwards, 2U);
    EXPECT_DOUBLE_EQ(testing::seconds(replayed.replay.end()), 2);
}

TEST(Replay, DecadesBetweenTwoPacketsAreLivedThrough) {
    const PcapFile file(link::raw);
    const Hosts hosts;
    for (const Bytes& packet : hosts.half_closed())
        file.add(0, packet);
    file.add(1, hosts.from_server(data(5001, 1002, 100)));  // never acknowledged: looked at every second
    file.append(little(UINT32_MAX, 4) + little(0, 4) + little(0, 4) + little(0, 4));
    policy::Timeouts timeouts;
    timeouts.established = policy::kOff;
    Options options;
    options.policies = policy::PolicySet({}, timeouts);
    const Replayed replayed(file.path(), options);
    EXPECT_THAT(replayed.ends(), ElementsAre("fin-wait-2/close-wait closer client"));
    EXPECT_GT(testing::seconds(replayed.replay.end()), 1e9);
}

TEST(Replay, AFlowThatIsForgottenKeepsTheStateItHad) {
    const PcapFile file(link::raw);
    const Hosts hosts;
    for (const Bytes& packet : hosts.half_closed())
        file.add(0, packet);
    file.add(1, hosts.from_server(fin(5001, 1002)));
    file.add(1, hosts.from_client(ack(1002, 5002)));
    file.add(3600, hosts.from_client(rst(1002)));
    const Replayed replayed(file.path());
    EXPECT_THAT(replayed.ends(), ElementsAre("time-wait/closed"));
    const Flow& flow = replayed.replay.flows()[0];
    ASSERT_TRUE(flow.forgotten);
    EXPECT_NEAR(testing::seconds(*flow.forgotten), 61, 0.01);
    EXPECT_EQ(flow.expires_in, std::nullopt);
}

TEST(Replay, ConnectionsOfTheSameEndpointsAreFlowsOfTheirOwn) {
    const PcapFile file(link::raw);
    const Hosts hosts;
    for (const Bytes& packet : hosts.half_closed())
        file.add(0, packet);
    file.add(1, hosts.from_server(fin(5001, 1002)));
    file.add(1, hosts.from_client(ack(1002, 5002)));
    file.add(2, hosts.from_client(syn(900'000)));
    const Replayed replayed(file.path());
    EXPECT_THAT(replayed.ends(), ElementsAre("time-wait/closed", "syn-sent/closed"));
}

TEST(Replay, FramesCutShortTakeTheirLengthFromTheIpHeader) {
    const PcapFile file(link::ethernet, 60);
    const Hosts hosts;
    const std::vector<Bytes> packets = hosts.half_closed();
    for (std::size_t i = 0; i < 3; ++i)
        file.add(0, ethernet(packets[i]));
    const Bytes frame = ethernet(hosts.from_client(fin(1001, 5001, 1000)));
    file.add(1, frame);
    file.add(2, ethernet(hosts.from_server(ack(5001, 2002))));
    EXPECT_THAT(Replayed(file.path()).ends(), ElementsAre("fin-wait-2/close-wait closer client"));

    // Some tools cut frames and write the shortened length as the one on the wire.
    const PcapFile shortened(link::ethernet);
    for (std::size_t i = 0; i < 3; ++i)
        shortened.add(0, ethernet(packets[i]));
    shortened.add(1, Bytes(frame.begin(), frame.begin() + 60));
    shortened.add(2, ethernet(hosts.from_server(ack(5001, 2002))));
    EXPECT_THAT(Replayed(shortened.path()).ends(), ElementsAre("fin-wait-2/close-wait closer client"));
}

TEST(Replay, ALengthThatWasLeftToTheNetworkCardIsTheFrames) {
    const PcapFile file(link::ethernet);
    const Hosts hosts;
    const std::vector<Bytes> packets = hosts.half_closed();
    for (std::size_t i = 0; i < 3; ++i)
        file.add(0, ethernet(packets[i]));
    Bytes offloaded = hosts.from_client(fin(1001, 5001, 1000));
    offloaded[2] = offloaded[3] = 0;
    file.add(1, ethernet(offloaded));
    file.add(2, ethernet(hosts.from_server(ack(5001, 2002))));
    EXPECT_THAT(Replayed(file.path()).ends(), ElementsAre("fin-wait-2/close-wait closer client"));
}

TEST(Replay, FlowsPastTheLimitAreCounted) {
    const PcapFile file(link::raw);
    Hosts hosts;
    for (std::uint16_t port = 1; port <= 10; ++port) {
        hosts.client.port = port;
        file.add(port, hosts.from_client(syn(1000)));
    }
    Options options;
    options.max_flows = 4;
    const Replayed replayed(file.path(), options);
    EXPECT_THAT(replayed.replay.flows(), SizeIs(4));
    EXPECT_EQ(replayed.replay.counts().left_out, 6U);
}

TEST(Replay, AFlowsHistoryIsBounded) {
    const PcapFile file(link::raw);
    const Hosts hosts;
    for (const Bytes& packet : hosts.half_closed())
        file.add(0, packet);
    // A repeated FIN takes a step back, its acknowledgment the same step again.
    for (int i = 0; i < 200; ++i) {
        file.add(1 + i, hosts.from_client(fin(1001, 5001)));
        file.add(1 + i, hosts.from_server(ack(5001, 1002)));
    }
    const Replayed replayed(file.path());
    const Flow& flow = replayed.replay.flows()[0];
    EXPECT_THAT(flow.steps, SizeIs(Flow::kMaxSteps));
    EXPECT_EQ(flow.steps_left_out, 8 + 400 - Flow::kMaxSteps);
    EXPECT_THAT(replayed.ends(), ElementsAre("fin-wait-2/close-wait closer client"));
}

}  // namespace
}  // namespace finwait::replay::testing
