// Which of conntrack's entries show that it sees what passes.
#include "shard/look.hpp"

#include <gtest/gtest.h>

namespace finwait::shard {
namespace {

using netfilter::Tracked;
using std::chrono::seconds;

Tracked established(seconds left) {
    Tracked entry;
    entry.stage = Tracked::Stage::established;
    entry.left = left;
    return entry;
}

TEST(Look, AnEntryOfWhichASegmentHasJustPassedShowsThatConntrackSeesWhatPasses) {
    EXPECT_TRUE(just_seen(established(seconds(3600)), seconds(3600)));
    EXPECT_TRUE(just_seen(established(seconds(3599)), seconds(3600)));
}

TEST(Look, AnEntryFromBeforeDoesNot) {
    EXPECT_FALSE(just_seen(established(seconds(3598)), seconds(3600)));
    EXPECT_FALSE(just_seen(established(seconds(0)), seconds(3600)));
}

TEST(Look, NorDoesOneWhoseTimeoutIsAnotherOne) {
    Tracked entry = established(seconds(3600));
    entry.unacknowledged = true;
    EXPECT_FALSE(just_seen(entry, seconds(3600)));
    entry = established(seconds(3600));
    entry.stage = Tracked::Stage::close_wait;  // Keeping gives it time
    EXPECT_FALSE(just_seen(entry, seconds(3600)));
    EXPECT_FALSE(just_seen(established(seconds(0)), seconds(0))) << "no conntrack";
}

}  // namespace
}  // namespace finwait::shard
