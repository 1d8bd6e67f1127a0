#include "control/event_merge.hpp"

#include <gmock/gmock.h>

namespace finwait::control {
namespace {

using observe::Feed;
using testing::ElementsAre;

void note(Feed& feed, int second) {
    feed.note(Instant(std::chrono::seconds(second)), "t", std::to_string(second));
}

/// All of a round up to `until`, two events of a feed at a time.
std::vector<std::string> round(EventMerge& merge, const std::vector<Feed>& feeds, int until) {
    std::vector<std::string> lines;
    merge.begin_round();
    for (;;) {
        while (const auto wanted = merge.wants())
            merge.put(*wanted,
                      feeds[*wanted].read(merge.cursor(*wanted), Instant(std::chrono::seconds(until)), 2));
        const observe::Told* told = merge.next();
        if (told == nullptr) return lines;
        lines.push_back(observe::line_of(*told));
    }
}

TEST(EventMerge, EventsOfSeveralFeedsComeInTheOrderInWhichTheyHappened) {
    std::vector<Feed> feeds(2, Feed(16));
    for (const int second : {1, 4, 5, 6, 9})
        note(feeds[0], second);
    for (const int second : {2, 3, 7})
        note(feeds[1], second);
    EventMerge merge(2);
    EXPECT_THAT(round(merge, feeds, 100), ElementsAre("1", "2", "3", "4", "5", "6", "7", "9"));
}

TEST(EventMerge, ARoundEndsAtItsMomentAndTheNextOneGoesOnThere) {
    std::vector<Feed> feeds(2, Feed(16));
    for (const int second : {1, 5})
        note(feeds[0], second);
    for (const int second : {2, 4})
        note(feeds[1], second);
    EventMerge merge(2);
    EXPECT_THAT(round(merge, feeds, 4), ElementsAre("1", "2", "4"));
    EXPECT_THAT(round(merge, feeds, 5), ElementsAre("5"));
    EXPECT_THAT(round(merge, feeds, 6), ElementsAre());
}

TEST(EventMerge, WhatWasWrittenOverIsSummedUpAndToldOnce) {
    std::vector<Feed> feeds(2, Feed(2));
    for (int second = 0; second < 5; ++second) {
        note(feeds[0], second);
        note(feeds[1], second);
    }
    EventMerge merge(2);
    EXPECT_EQ(round(merge, feeds, 100).size(), 4U);
    EXPECT_EQ(merge.take_missed(), 6U);
    EXPECT_EQ(merge.take_missed(), 0U);
}

TEST(EventMerge, AFeedMayBeReadFromItsEnd) {
    std::vector<Feed> feeds(1, Feed(8));
    note(feeds[0], 1);
    EventMerge merge(1);
    merge.start_at(0, feeds[0].end());
    note(feeds[0], 2);
    EXPECT_THAT(round(merge, feeds, 100), ElementsAre("2"));
    EXPECT_EQ(merge.take_missed(), 0U);
}

}  // namespace
}  // namespace finwait::control
