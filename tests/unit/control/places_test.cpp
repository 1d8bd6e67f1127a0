// Who is served on the control socket when many want to be.
#include "control/places.hpp"

#include <gmock/gmock.h>

namespace finwait::control {
namespace {

using testing::HasSubstr;

constexpr std::chrono::milliseconds kPatience(5000);
constexpr Guest kRoot{0, true, false};
constexpr Guest kBob{1001, false, true};
constexpr Guest kAlice{1002, false, true};
constexpr Guest kAdmin{1003, true, true};

std::vector<Guest> times(std::size_t count, const Guest& guest) {
    return std::vector<Guest>(count, guest);
}

std::vector<Guest> readers(std::size_t count) {
    std::vector<Guest> all;
    for (std::size_t i = 0; i < count; ++i)
        all.push_back({static_cast<uid_t>(2000 + i), false, true});
    return all;
}

TEST(Places, OneReaderDoesNotKeepAnotherOut) {
    const Places places(64, 8, 16, kPatience);
    EXPECT_FALSE(places.refusal(kBob, times(15, kBob)));
    EXPECT_THAT(places.refusal(kBob, times(16, kBob)).value_or(""), HasSubstr("you have 16 connections"));
    EXPECT_FALSE(places.refusal(kAlice, times(16, kBob)));
}

TEST(Places, ManyReadersDoNotKeepThoseOutWhoMayChangeSomething) {
    const Places places(64, 8, 16, kPatience);
    EXPECT_FALSE(places.refusal(kBob, readers(55)));
    EXPECT_THAT(places.refusal(kBob, readers(56)).value_or(""), HasSubstr("last 8 places"));
    EXPECT_FALSE(places.refusal(kRoot, readers(56)));
    EXPECT_FALSE(places.refusal(kAdmin, readers(56)));
}

TEST(Places, RootHasAsManyAsThereAre) {
    const Places places(64, 8, 16, kPatience);
    EXPECT_FALSE(places.refusal(kRoot, times(63, kRoot)));
    EXPECT_TRUE(places.refusal(kRoot, times(64, kRoot)));
    EXPECT_TRUE(places.refusal(kAdmin, times(16, kAdmin)));
}

TEST(Places, MoreReservedThanThereAreLeavesNoneForReaders) {
    const Places places(4, 8, 16, kPatience);
    EXPECT_TRUE(places.refusal(kBob, {}));
    EXPECT_FALSE(places.refusal(kRoot, {}));
}

Guest idle_for(Guest guest, std::chrono::milliseconds time) {
    guest.idle = time;
    return guest;
}

TEST(Places, WhoHasBeenIdleForLongestGivesWayToRoot) {
    const Places places(64, 8, 16, kPatience);
    std::vector<Guest> present = times(64, kRoot);
    EXPECT_FALSE(places.gives_way(kRoot, present)) << "all are at work";
    present[7] = idle_for(kRoot, kPatience);
    EXPECT_FALSE(places.gives_way(kRoot, present)) << "it may be about to ask";
    present[7] = idle_for(kRoot, std::chrono::seconds(20));
    present[9] = idle_for(kBob, std::chrono::seconds(30));
    present[11] = idle_for(kRoot, std::chrono::seconds(25));
    EXPECT_EQ(places.gives_way(kRoot, present), 9U);
}

TEST(Places, AReaderTakesThePlaceOfItsOwnConnectionsOnly) {
    const Places places(64, 8, 16, kPatience);
    std::vector<Guest> present = times(16, kBob);
    present.push_back(idle_for(kAlice, std::chrono::minutes(4)));
    EXPECT_FALSE(places.gives_way(kBob, present));
    present[3] = idle_for(kBob, std::chrono::seconds(10));
    EXPECT_EQ(places.gives_way(kBob, present), 3U);
}

TEST(Places, APlaceThatIsOfNoUseIsNotTaken) {
    const Places places(20, 8, 16, kPatience);
    std::vector<Guest> present = readers(12);
    present.push_back(idle_for({kAlice.uid, true, true}, std::chrono::seconds(30)));
    EXPECT_FALSE(places.gives_way(kAlice, present)) << "the readers' places are what lacks";
}

}  // namespace
}  // namespace finwait::control
