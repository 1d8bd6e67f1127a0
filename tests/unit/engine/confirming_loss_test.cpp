// Segments pass unseen after an RST has left, and a side lives: no further RST leaves with numbers that are
// only remembered.

#include "support/path.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::SizeIs;

/// Both sides have been reset, and each is asked whether it is gone.
Path confirming() {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(3);
    t.on_expiry = policy::OnExpiry::reset;
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet({}, t);
    Path path(options);
    path.client_half_closed();
    path.wait(milliseconds(3700));
    EXPECT_THAT(path.resets(), SizeIs(2));
    EXPECT_THAT(path.probes(), SizeIs(2));
    return path;
}

TEST(ConfirmingLoss, NoRstGoesToAPeerThatHasSaidNothingSinceTheLoss) {
    Path path = confirming();
    path.engine.on_loss(path.now, 1);
    path.server(ack(5001, 1002));
    path.wait(seconds(2));
    EXPECT_THAT(path.resets(), SizeIs(2)) << "what the client expects is only remembered";
}

TEST(ConfirmingLoss, OnceBothHaveSaidWhereTheyStandItGoesOn) {
    Path path = confirming();
    path.engine.on_loss(path.now, 1);
    path.server(ack(5001, 1002));
    for (int i = 0; i < 10 && path.resets().size() < 4; ++i) {
        path.wait(seconds(1));
        path.client(ack(1002, 5001));
        path.server(ack(5001, 1002));
        path.wait(milliseconds(1100));
    }
    EXPECT_THAT(path.resets(), SizeIs(4));
}

TEST(ConfirmingLoss, WhoIsLeftAloneIsResetByTheNumberThatItTells) {
    Path path = confirming();
    path.client(rst(1002));
    path.engine.on_loss(path.now, 1);
    path.server(ack(5001, 1002));
    path.wait(seconds(2));
    ASSERT_THAT(path.resets(), SizeIs(3));
    EXPECT_EQ(path.resets()[2].destination.port, 80);
    EXPECT_EQ(path.resets()[2].seq, tcp::Seq(1002));
}

}  // namespace
}  // namespace finwait::engine::testing
