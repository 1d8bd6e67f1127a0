// The ring of recent events: what is read, what was written over, and what they look like as lines.
#include "observe/feed.hpp"

#include "observe/event_kinds.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace finwait::observe {
namespace {

using std::chrono::seconds;

Instant at(int second) {
    return Instant(seconds(second));
}

engine::Event event(engine::EventType type) {
    engine::Event e;
    e.type = type;
    e.reason = "for a test";
    return e;
}

/// One event a second from second 0 on; the policy's name tells which it is.
void fill(Feed& feed, int count) {
    for (int i = 0; i < count; ++i)
        feed.note(at(i), event(engine::EventType::probe), std::to_string(i));
}

std::vector<std::string> names(const Excerpt& excerpt) {
    std::vector<std::string> out;
    for (const Told& told : excerpt.told)
        out.push_back(std::get<FlowEvent>(told.what).policy);
    return out;
}

TEST(Feed, IsReadInPiecesFromTheOldestToTheLast) {
    Feed feed(8);
    fill(feed, 3);
    const Excerpt first = feed.read(0, Instant::never(), 2);
    EXPECT_THAT(names(first), testing::ElementsAre("0", "1"));
    EXPECT_TRUE(first.more);
    const Excerpt second = feed.read(first.next, Instant::never(), 2);
    EXPECT_THAT(names(second), testing::ElementsAre("2"));
    EXPECT_FALSE(second.more);
    EXPECT_EQ(second.next, feed.end());
    EXPECT_EQ(first.missed + second.missed, 0U);
}

TEST(Feed, WhatIsWrittenOverIsCountedForEachReader) {
    Feed feed(4);
    fill(feed, 10);
    const Excerpt late = feed.read(2, Instant::never(), 100);
    EXPECT_THAT(names(late), testing::ElementsAre("6", "7", "8", "9"));
    EXPECT_EQ(late.missed, 4U);
    EXPECT_EQ(feed.read(8, Instant::never(), 100).missed, 0U);
    EXPECT_EQ(feed.read(late.next, Instant::never(), 100).told.size(), 0U);
}

TEST(Feed, WhatCameLaterThanAskedForIsLeftForTheNextTime) {
    Feed feed(8);
    fill(feed, 3);
    const Excerpt early = feed.read(0, at(1), 100);
    EXPECT_THAT(names(early), testing::ElementsAre("0", "1"));
    EXPECT_FALSE(early.more);
    EXPECT_THAT(names(feed.read(early.next, at(2), 100)), testing::ElementsAre("2"));
}

TEST(Feed, ANumberFromTheFutureIsTheEnd) {
    Feed feed(8);
    fill(feed, 3);
    EXPECT_EQ(feed.read(1000, Instant::never(), 100).next, 3U);
}

TEST(Feed, HoldsNoMoreThanItsCapacity) {
    Feed feed(16);
    fill(feed, 1000);
    EXPECT_EQ(feed.read(0, Instant::never(), 10'000).told.size(), 16U);
}

TEST(Feed, LinesStandAmongEventsInTheOrderInWhichTheyWereTold) {
    Feed feed(2);
    feed.note(at(1), "config_reload", "{}");
    feed.note(at(2), event(engine::EventType::reset), "web");
    feed.note(at(3), "tcp_reset", "{\"a\":1}");
    const Excerpt all = feed.read(0, Instant::never(), 10);
    ASSERT_EQ(all.told.size(), 2U);
    EXPECT_EQ(type_of(all.told[0]), "tcp_reset");
    EXPECT_EQ(nlohmann::json::parse(line_of(all.told[0]))["finwaitd"]["policy"], "web");
    EXPECT_EQ(line_of(all.told[1]), "{\"a\":1}");
}

TEST(Feed, EveryEventsTypeIsOneOfThoseThatThereAre) {
    for (int i = 0; i <= static_cast<int>(engine::EventType::revived); ++i)
        EXPECT_THAT(event_types(), testing::Contains(kind(static_cast<engine::EventType>(i)).event_type));
}

TEST(Feed, MissedEventsAreOneLineWithTheirNumber) {
    const auto line = nlohmann::json::parse(missed_line({}, 17));
    EXPECT_EQ(line["event_type"], "finwaitd_lost");
    EXPECT_EQ(line["finwaitd"]["count"], 17);
    EXPECT_TRUE(line["timestamp"].is_string());
}

}  // namespace
}  // namespace finwait::observe
