#include "support.hpp"

namespace finwait::state::testing {
namespace {

using ::testing::HasSubstr;

std::string reason(void (*change)(Origin&)) {
    Origin now = origin();
    change(now);
    return mismatch(origin(), now).value_or("none");
}

TEST(StateOrigin, TheSamePlaceALittleLaterIsAccepted) {
    EXPECT_EQ(reason([](Origin& o) {
                  o.at = o.at + std::chrono::minutes(9);
                  o.wall += Duration(std::chrono::minutes(9)).count();
              }),
              "none");
    // The wall clock may be turned back.
    EXPECT_EQ(reason([](Origin& o) { o.wall -= Duration(std::chrono::hours(9)).count(); }), "none");
}

TEST(StateOrigin, EachThingThatDiffersIsNamed) {
    EXPECT_EQ(reason([](Origin& o) { o.boot = "another"; }), "it was not written since this boot");
    EXPECT_EQ(reason([](Origin& o) { ++o.network; }), "it was written in another network namespace");
    EXPECT_EQ(reason([](Origin& o) { o.mark_mask = 1; }), "intercept.mark_mask has changed since");
    EXPECT_EQ(reason([](Origin& o) { o.all_packets = true; }), "intercept.packets has changed since");
    EXPECT_THAT(reason([](Origin& o) { o.scope = 2; }), HasSubstr("intercept.scope"));
    EXPECT_THAT(reason([](Origin& o) { o.loopback = true; }), HasSubstr("intercept.loopback"));
    EXPECT_THAT(reason([](Origin& o) { o.queues = 1; }),
                HasSubstr("it was written with queues 3 to 4, and now there is queue 3:"));
    EXPECT_THAT(reason([](Origin& o) { o.first_queue = 0; }), HasSubstr("now there are queues 0 to 1:"));
    EXPECT_THAT(reason([](Origin& o) { o.backend = 2; }), HasSubstr("intercept.backend or"));
    EXPECT_THAT(reason([](Origin& o) { o.spread = 1; }), HasSubstr("intercept.spread has changed"));
    EXPECT_THAT(reason([](Origin& o) { o.spreaders[0] = 78; }), HasSubstr("NFQUEUE module"));
}

TEST(StateOrigin, WithOneQueueItDoesNotMatterWhoSpreadsTheFlows) {
    Origin then = origin();
    then.queues = 1;
    Origin now = then;
    now.backend = 2;
    now.spreaders[0] = 0;
    EXPECT_FALSE(mismatch(then, now));
}

TEST(StateOrigin, WhatIsTooOldIsRefusedByWhicheverClockSaysSo) {
    EXPECT_THAT(reason([](Origin& o) { o.at = o.at + std::chrono::minutes(11); }),
                HasSubstr("it is 11 minutes old"));
    EXPECT_THAT(reason([](Origin& o) { o.wall += Duration(std::chrono::minutes(12)).count(); }),
                HasSubstr("it is 12 minutes old"));
    EXPECT_THAT(reason([](Origin& o) { o.at = o.at - Duration(1); }), HasSubstr("not come yet"));
}

TEST(StateOrigin, TheSystemAnswers) {
    Origin o;
    ask_system(o);
    EXPECT_EQ(o.boot.size(), 36U);
    EXPECT_GT(o.network, 0U);
    EXPECT_GT(o.at, Instant());
    EXPECT_GT(o.wall, 0);
}

}  // namespace
}  // namespace finwait::state::testing
