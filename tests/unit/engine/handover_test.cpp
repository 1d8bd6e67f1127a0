// An adopted flow of which a shard was told, and whose packets come to another one.
#include "support/adopted.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Two shards; what comes to the second belongs to a flow that was given to the first.
class Handover : public ::testing::Test {
  protected:
    static Options second_shard() {
        Options options = with(policy::OnExpiry::probe);
        options.shard = 1;
        return options;
    }
    void pass_over(tcp::Segment heard) {
        heard.source = kServer;
        heard.destination = kClient;
        second.now = first.now;
        const auto strangers = second.engine.counters().strangers;
        second.server(heard);
        EXPECT_EQ(second.engine.counters().strangers, strangers + 1);
        const auto adoptee = first.engine.hand_over(first.now, heard);
        ASSERT_TRUE(adoptee);
        second.engine.take_in(second.now, *adoptee, heard);
        EXPECT_THAT(first.flows(), IsEmpty());
        EXPECT_EQ(first.engine.unheard(), 0U);
    }

    Path first{with(policy::OnExpiry::probe)};
    Path second{second_shard()};
};

TEST_F(Handover, AFlowGoesToTheShardThatHearsOfIt) {
    ASSERT_TRUE(first.engine.adopt(first.now, told(first, tcp::Role::client, seconds(5))));
    EXPECT_EQ(first.engine.unheard(), 1U);
    first.wait(kSoon);
    pass_over(ack(5001, 1002));
    const FlowReport flow = second.flow();
    EXPECT_EQ(flow.subject.closer, tcp::Role::client);
    EXPECT_EQ(flow.subject.client, kClient);
    EXPECT_EQ(flow.subject.age, seconds(6));
    second.wait(kSoon);
    EXPECT_THAT(second.probes(), SizeIs(2));
}

TEST_F(Handover, AFinThatComesToAnotherShardIsNotLost) {
    ASSERT_TRUE(first.engine.adopt(first.now, told(first, std::nullopt)));
    pass_over(fin(5001, 1001));
    second.client(ack(1001, 5002));
    EXPECT_EQ(second.flow().subject.closer, tcp::Role::server);
}

TEST_F(Handover, AnRstThatComesToAnotherShardEndsAnOpenFlowThere) {
    ASSERT_TRUE(first.engine.adopt(first.now, told(first, std::nullopt)));
    pass_over(rst(5001));
    EXPECT_EQ(second.flow().subject.client_state, tcp::State::closed);
}

TEST_F(Handover, AnRstThatAnswersTheOtherShardsProbeIsAskedForAgain) {
    ASSERT_TRUE(first.engine.adopt(first.now, told(first, tcp::Role::client)));
    first.wait(kSoon);
    pass_over(rst(to(first, kServer).ack.value()));
    EXPECT_EQ(second.flow().subject.closer, tcp::Role::client);
    second.wait(kSoon);
    EXPECT_THAT(second.probes(), SizeIs(2));
}

TEST_F(Handover, AFlowThatHasBeenHeardIsNotGivenAway) {
    ASSERT_TRUE(first.engine.adopt(first.now, told(first, tcp::Role::client)));
    first.server(ack(5001, 1002));
    tcp::Segment heard = ack(5001, 1002);
    heard.source = kServer;
    heard.destination = kClient;
    EXPECT_EQ(first.engine.hand_over(first.now, heard), std::nullopt);
    EXPECT_EQ(first.engine.unheard(), 0U);
}

}  // namespace
}  // namespace finwait::engine::testing
