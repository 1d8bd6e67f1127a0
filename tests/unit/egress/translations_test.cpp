// What is remembered of the flows that are acted on, and for how long.
#include "egress/translations.hpp"

#include <gtest/gtest.h>

namespace finwait::egress {
namespace {

using State = Translations::State;

constexpr Instant kNow(std::chrono::hours(1));

Translations::Entry found(std::uint16_t port) {
    Translations::Entry entry{State::found, kNow, {}};
    entry.translation.opener.own.port = port;
    return entry;
}

TEST(Translations, AreOfOneFlowAndNotOfTheNextInItsSlot) {
    Translations known;
    EXPECT_EQ(known.of(kNow, {1, 1}).state, State::unknown);
    known.set({1, 1}, found(7));
    EXPECT_EQ(known.of(kNow, {1, 1}).translation.opener.own.port, 7);
    EXPECT_EQ(known.of(kNow, {1, 2}).state, State::unknown);
    known.forget({1, 1});
    EXPECT_EQ(known.of(kNow, {1, 1}).state, State::unknown);
}

TEST(Translations, OutliveConntracksEntryButThatThereIsNoneHoldsForAMinuteOnly) {
    Translations known;
    known.set({1, 1}, found(7));
    known.set({2, 1}, {State::none, kNow, {}});
    EXPECT_EQ(known.of(kNow + std::chrono::seconds(59), {2, 1}).state, State::none);
    EXPECT_EQ(known.of(kNow + Translations::kNoneLasts, {2, 1}).state, State::unknown);
    EXPECT_EQ(known.of(kNow + std::chrono::hours(24), {1, 1}).state, State::found);
}

TEST(Translations, OfTooManyFlowsThoseStayThatWereAskedForLast) {
    Translations known;
    known.set({0, 1}, found(7));
    known.set({1, 1}, found(8));
    for (std::uint32_t slot = 2; slot < 2 * Translations::kHalf; ++slot) {
        known.set({slot, 1}, found(9));
        EXPECT_EQ(known.of(kNow, {0, 1}).translation.opener.own.port, 7);
    }
    EXPECT_EQ(known.of(kNow, {1, 1}).state, State::unknown);
    EXPECT_LT(known.size(), 2 * Translations::kHalf);
}

TEST(Translations, ThatASocketWasFoundIsKnownForAsLongAsTheFlowIs) {
    Translations known;
    known.set({1, 1}, {State::none, kNow, {}});
    EXPECT_FALSE(known.of(kNow, {1, 1}).socket_found);
    known.note_socket(kNow, {1, 1});
    EXPECT_TRUE(known.of(kNow, {1, 1}).socket_found);
    const auto later = known.of(kNow + Translations::kNoneLasts, {1, 1});
    EXPECT_TRUE(later.socket_found);
    EXPECT_EQ(later.state, State::unknown);
    known.set({1, 1}, {State::none, kNow, {}});
    EXPECT_TRUE(known.of(kNow, {1, 1}).socket_found);
}

}  // namespace
}  // namespace finwait::egress
