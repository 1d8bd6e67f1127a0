#include "netfilter/process.hpp"

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
