// Names of users, from a name service that may hang.
#include "control/user_names.hpp"

#include "control/within.hpp"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

namespace finwait::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(UserNames, AreThoseOfTheNameService) {
    UserNames names;
    EXPECT_EQ(names.of(0), "root");
    EXPECT_EQ(names.of(4'000'000'000U), "");
}

TEST(UserNames, AreAskedForOnce) {
    const auto asked = std::make_shared<std::atomic<int>>(0);
    UserNames names([asked](uid_t) { return "bob" + std::to_string(++*asked); }, seconds(30));
    EXPECT_EQ(names.of(1), "bob1");
    EXPECT_EQ(names.of(1), "bob1");
    EXPECT_EQ(names.of(2), "bob2");
}

TEST(UserNames, ThatDoNotComeAreNotWaitedForAndKnownOnceTheyHave) {
    const auto answer = std::make_shared<std::promise<void>>();
    const auto answered = answer->get_future().share();
    UserNames names(
        [answered](uid_t) {
            answered.wait();
            return std::string("bob");
        },
        milliseconds(10));
    EXPECT_EQ(names.of(1), "");
    EXPECT_EQ(names.of(2), "") << "one look-up at a time";
    answer->set_value();
    std::string name;
    for (int i = 0; i < 1000 && name.empty(); ++i) {
        std::this_thread::sleep_for(milliseconds(10));
        name = names.of(1);
    }
    EXPECT_EQ(name, "bob");
}

TEST(Within, WhatDoesNotComeBackIsLeftToItself) {
    const auto answer = std::make_shared<std::promise<int>>();
    const auto answered = answer->get_future().share();
    EXPECT_FALSE(within<int>(milliseconds(10), [answered] { return answered.get(); }));
    EXPECT_EQ(within<int>(seconds(30), [] { return 3; }), 3);
    answer->set_value(1);
}

}  // namespace
}  // namespace finwait::control
