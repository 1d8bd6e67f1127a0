// Who may change something.
#include "control/access.hpp"

#include <gtest/gtest.h>

namespace finwait::control {
namespace {

constexpr uid_t kOwner = 900;
constexpr long kSomebody = 1001;
constexpr gid_t kRootsGroup = 0;  // the one group that every system has by this name

TEST(Access, IsForRootAndTheDaemonsOwnUser) {
    const Access access(kOwner, "");
    EXPECT_TRUE(access.may_change({0, 1}));
    EXPECT_TRUE(access.may_change({kOwner, 1}));
    EXPECT_FALSE(access.may_change({kSomebody, 1}));
}

TEST(Access, IsForMembersOfTheAdminGroupWhicheverOfTheirGroupsItIs) {
    const Access access(kOwner, "root");
    EXPECT_TRUE(access.has_group());
    EXPECT_TRUE(access.may_change({kSomebody, 1, "bob", {50, 60, kRootsGroup}}));
    EXPECT_FALSE(access.may_change({kSomebody, 1, "bob", {50, 60}}));
}

TEST(Access, IsForNobodyWhomTheKernelDoesNotName) {
    EXPECT_FALSE(Access(kOwner, "root").may_change({}));
}

TEST(Access, AGroupThatDoesNotExistHasNoMembers) {
    const Access access(kOwner, "no-such-group");
    EXPECT_FALSE(access.has_group());
    EXPECT_FALSE(access.may_change({kSomebody, 1, "bob", {kRootsGroup, 50}}));
    EXPECT_TRUE(access.may_change({0, 1}));
}

TEST(Access, AGroupThatWasFoundIsKeptAndOneThatIsMissingIsNoted) {
    std::vector<std::string> notes;
    Access known(kOwner, "root");
    known.look_up_group();
    known.note_missing_group(notes);
    Access(kOwner, "").note_missing_group(notes);
    EXPECT_TRUE(known.has_group());
    EXPECT_TRUE(notes.empty());
    Access missing(kOwner, "no-such-group");
    missing.look_up_group();
    missing.note_missing_group(notes);
    EXPECT_FALSE(missing.has_group());
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_NE(notes[0].find("groupadd --system no-such-group, and then run: finwaitctl reload"),
              std::string::npos);
}

TEST(Access, OnlyKillReloadAndResumeChangeSomething) {
    const auto request = [](Command command, std::string resume = {}) {
        Request made;
        made.command = command;
        made.resume = std::move(resume);
        return changes(made);
    };
    EXPECT_TRUE(request(Command::kill));
    EXPECT_TRUE(request(Command::reload));
    EXPECT_TRUE(request(Command::policy, "web"));
    for (const Command reading :
         {Command::policy, Command::list, Command::count, Command::show, Command::explain, Command::stats,
          Command::rules, Command::version, Command::ping})
        EXPECT_FALSE(request(reading)) << name(reading);
}

TEST(Access, ARefusalSaysWhoAskedForWhatAndWhichGroupMay) {
    Request kill;
    kill.command = Command::kill;
    const Error error = Access(kOwner, "root").refusal(kill, {kSomebody, 1, "bob"});
    EXPECT_EQ(error.code, ErrorCode::permission);
    EXPECT_EQ(
        error.message,
        "you are bob (uid 1001) and may look, but not kill: run it as root, or as a member of the group "
        "\"root\" (control.admin_group): usermod -aG root USER, and log in again");
}

}  // namespace
}  // namespace finwait::control
