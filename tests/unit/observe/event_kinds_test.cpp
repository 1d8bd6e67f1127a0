// The table of the types of events.
#include "observe/event_kinds.hpp"

#include <set>
#include <string>

#include <gmock/gmock.h>

namespace finwait::observe {
namespace {

using engine::EventType;

TEST(EventKinds, HaveOneRowForEachTypeInTheOrderOfTheTypes) {
    const auto rows = event_kinds();
    ASSERT_EQ(rows.size(), static_cast<std::size_t>(EventType::revived) + 1);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(rows[i].type, static_cast<EventType>(i));
        EXPECT_EQ(&kind(rows[i].type), &rows[i]);
    }
}

TEST(EventKinds, SayEverythingOfEachTypeAndTellEachFromTheOthers) {
    std::set<std::string_view> texts;
    std::set<std::string> told;
    for (const EventKind& row : event_kinds()) {
        EXPECT_FALSE(row.message.name.empty() || row.message.id.empty()) << row.text;
        EXPECT_FALSE(row.event_type.empty()) << row.text;
        EXPECT_TRUE(texts.insert(row.text).second) << row.text;
        EXPECT_EQ(row.member.empty(), row.word.empty()) << row.text;
        EXPECT_THAT(row.member, testing::AnyOf("", "action", "outcome")) << row.text;
        EXPECT_TRUE(
            told.insert(std::string(row.event_type) + std::string(row.member) + std::string(row.word)).second)
            << row.text;
    }
}

TEST(EventKinds, WhatEndsAFlowIsLoggedWithoutAnybodyAskingForDetails) {
    std::set<EventType> info;
    for (const EventKind& row : event_kinds())
        if (row.level == spdlog::level::info) info.insert(row.type);
    EXPECT_EQ(info, (std::set{EventType::reset, EventType::would_reset, EventType::refused}));
    EXPECT_EQ(kind(EventType::stopped).level, spdlog::level::warn);
}

TEST(EventKinds, NameTheTypesThatAnEventStreamMayBeAskedFor) {
    EXPECT_THAT(event_types(), testing::ElementsAre("tcp_half_closed", "tcp_probe", "tcp_reset", "tcp_closed",
                                                    "policy_stopped", "policy_resumed", "request_refused",
                                                    "config_reload", "rules_changed"));
}

}  // namespace
}  // namespace finwait::observe
