// Who is served on the control socket when many want to be.
#include "control/places.hpp"

#include <gmock/gmock.h>

namespace finwait::control {
namespace {

using testing::HasSubstr;

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
    const Places places(64, 8, 16);
    EXPECT_FALSE(places.refusal(kBob, times(15, kBob)));
    EXPECT_THAT(places.refusal(kBob, times(16, kBob)).value_or(""), HasSubstr("you have 16 connections"));
    EXPECT_FALSE(places.refusal(kAlice, times(16, kBob)));
}

TEST(Places, ManyReadersDoNotKeepThoseOutWhoMayChangeSomething) {
    const Places places(64, 8, 16);
    EXPECT_FALSE(places.refusal(kBob, readers(55)));
    EXPECT_THAT(places.refusal(kBob, readers(56)).value_or(""), HasSubstr("last 8 places"));
    EXPECT_FALSE(places.refusal(kRoot, readers(56)));
    EXPECT_FALSE(places.refusal(kAdmin, readers(56)));
}

TEST(Places, RootHasAsManyAsThereAre) {
    const Places places(64, 8, 16);
    EXPECT_FALSE(places.refusal(kRoot, times(63, kRoot)));
    EXPECT_TRUE(places.refusal(kRoot, times(64, kRoot)));
    EXPECT_TRUE(places.refusal(kAdmin, times(16, kAdmin)));
}

TEST(Places, MoreReservedThanThereAreLeavesNoneForReaders) {
    const Places places(4, 8, 16);
    EXPECT_TRUE(places.refusal(kBob, {}));
    EXPECT_FALSE(places.refusal(kRoot, {}));
}

}  // namespace
}  // namespace finwait::control
