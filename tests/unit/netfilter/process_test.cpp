#include "netfilter/process.hpp"

#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace finwait::netfilter {
namespace {

using namespace std::chrono_literals;

TEST(RunTool, HandsOverTheInputAndGivesBackTheOutput) {
    const ToolResult r = run_tool({"/bin/cat"}, "one\ntwo\n");
    EXPECT_TRUE(r.ok());
    EXPECT_EQ(r.output, "one\ntwo\n");
    EXPECT_EQ(r.errors, "");
}

TEST(RunTool, InputLargerThanAPipeDoesNotStall) {
    const std::string large(300'000, 'x');
    EXPECT_EQ(run_tool({"/bin/cat"}, large).output, large);
}

TEST(RunTool, AToolThatNeverReadsDoesNoHarm) {
    EXPECT_TRUE(run_tool({"/bin/true"}, std::string(300'000, 'x')).ok());
}

TEST(RunTool, GivesBackStatusAndStderr) {
    const ToolResult r = run_tool({"/bin/sh", "-c", "echo broken >&2; exit 3"}, "");
    EXPECT_EQ(r.status, 3);
    EXPECT_FALSE(r.ok());
    EXPECT_EQ(r.errors, "broken\n");
}

TEST(RunTool, AToolThatWasRefusedHasGivenNoAnswer) {
    const auto said_by = [](const std::string& script) {
        return no_answer("nft", run_tool({"/bin/sh", "-c", script}, ""));
    };
    EXPECT_EQ(said_by("echo 'Operation not permitted (you must be root)' >&2; exit 1"), "nft needs root");
    EXPECT_EQ(said_by("echo 'Could not fetch rule set generation id: Permission denied' >&2; exit 4"),
              "nft needs root");
    EXPECT_EQ(said_by("echo 'Error: No such file or directory' >&2; exit 1"), std::nullopt);
    EXPECT_EQ(said_by("echo 'Permission denied'"), std::nullopt) << "it is what the tool lists";
    EXPECT_EQ(no_answer("nft", run_tool({"/nowhere/nft"}, "")).value_or("").substr(0, 5), "nft: ");
}

TEST(RunTool, AListingThatFailedSaysWhyUnlessTheKernelLacksWhatItNeeds) {
    const auto said_by = [](const std::string& script) {
        return not_listed("ip6tables-nft", run_tool({"/bin/sh", "-c", script}, ""));
    };
    EXPECT_EQ(said_by("true"), std::nullopt);
    EXPECT_EQ(said_by("echo 'Table does not exist' >&2; exit 1"), std::nullopt);
    EXPECT_EQ(said_by("exit 3"), std::nullopt);
    EXPECT_EQ(said_by("exit 4"), "ip6tables-nft: failed with status 4");
    EXPECT_EQ(said_by("echo busy >&2; exit 1"), "ip6tables-nft: busy");
    EXPECT_EQ(said_by("echo 'Permission denied' >&2; exit 4"), "ip6tables-nft needs root");
}

TEST(RunTool, WordsAreNotSeenByAShell) {
    EXPECT_EQ(run_tool({"/bin/echo", "$(id) ; a  b"}, "").output, "$(id) ; a  b\n");
}

TEST(RunTool, TheEnvironmentIsFixed) {
    setenv("FINWAIT_SECRET", "1", 1);
    const ToolResult r = run_tool({"/usr/bin/env"}, "");
    EXPECT_EQ(r.output, "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n");
}

TEST(RunTool, OutputIsBounded) {
    const ToolResult r =
        run_tool({"/bin/sh", "-c", "head -c 20000000 /dev/zero; head -c 9000 /dev/zero >&2"}, "");
    EXPECT_TRUE(r.ok());
    EXPECT_EQ(r.output.size(), 16U << 20U);
    EXPECT_TRUE(r.cut);
    EXPECT_EQ(r.errors.size(), 4096U);
}

TEST(RunTool, OneThatHangsIsEnded) {
    const auto start = std::chrono::steady_clock::now();
    const ToolResult r = run_tool({"/bin/sleep", "60"}, "", 100ms);
    EXPECT_FALSE(r.status.has_value());
    EXPECT_EQ(r.errors, "did not end within 100 ms");
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST(RunTool, WhatAHangingOneHasStartedIsEndedWithIt) {
    const std::string mark = testing::TempDir() + "finwait_tool_" + std::to_string(getpid());
    const ToolResult r = run_tool({"/bin/sh", "-c", "(sleep 1; touch " + mark + ") & sleep 60"}, "", 100ms);
    EXPECT_FALSE(r.status.has_value());
    std::this_thread::sleep_for(2s);
    EXPECT_NE(access(mark.c_str(), F_OK), 0);
}

TEST(RunTool, ARequestToStopEndsItAndKeepsLaterOnesFromStarting) {
    std::atomic<unsigned> stops = 0;
    const ToolTime time(60s, &stops);
    std::thread operator_([&] {
        std::this_thread::sleep_for(200ms);
        ++stops;
    });
    const ToolResult first = run_tool({"/bin/sleep", "60"}, "", time);
    operator_.join();
    EXPECT_EQ(first.errors, "ended, because finwaitd is asked to stop");
    EXPECT_EQ(run_tool({"/bin/true"}, "", time).errors, "not started: finwaitd is asked to stop");
    EXPECT_TRUE(run_tool({"/bin/true"}, "", time.to_clean_up(10s)).ok());
    EXPECT_LT(time.left(), 60s);
}

TEST(RunTool, ARequestMoreLeavesAGraceToToolsThatNeedNoLonger) {
    const std::atomic<unsigned> stops = 2;
    const ToolTime time(60s, &stops, 1, 30s);
    EXPECT_TRUE(run_tool({"/bin/true"}, "", time).ok());
    EXPECT_LE(time.left(), 30s);
    EXPECT_GT(time.left(), 0s);
}

TEST(RunTool, ToolsShareTheirTime) {
    const ToolTime time(300ms);
    EXPECT_FALSE(run_tool({"/bin/sleep", "60"}, "", time).ok());
    EXPECT_EQ(run_tool({"/bin/true"}, "", time).errors, "not started: there is no time left for it");
}

TEST(RunTool, AChildLeftBehindByTheToolIsNotWaitedFor) {
    const ToolResult r = run_tool({"/bin/sh", "-c", "sleep 2 & echo done"}, "", 1s);
    EXPECT_TRUE(r.ok());
    EXPECT_EQ(r.output, "done\n");
}

TEST(RunTool, OneThatIsMissingIsAnError) {
    const ToolResult r = run_tool({"/nonexistent/tool"}, "");
    EXPECT_FALSE(r.ok());
    EXPECT_EQ(r.errors, "cannot start it: No such file or directory");
}

TEST(RunTool, OneThatASignalEndedSaysSo) {
    EXPECT_EQ(run_tool({"/bin/sh", "-c", "kill -9 $$"}, "").errors, "killed by signal 9");
}

TEST(FindTool, FindsWhatTheSystemHasAndNothingElse) {
    EXPECT_TRUE(find_tool("sh").has_value());
    EXPECT_FALSE(find_tool("finwaitd-no-such-tool").has_value());
}

}  // namespace
}  // namespace finwait::netfilter
