// finwaitctl policy: which mode is in force. And commands that a daemon which is stopped may still carry out.
#include "ctl/answers.hpp"
#include "ctl/fake_daemon.hpp"
#include "ctl/policy_text.hpp"

#include <gmock/gmock.h>

namespace finwait::ctl::test {
namespace {

using control::data_line;
using control::done_line;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kPolicy = data_line("policy", R"({"name":"default","on_expiry":"probe"})");

TEST(PolicyCommand, SaysFirstWhichModeIsInForce) {
    const std::string observing = kPolicy + done_line(R"({"mode":"observe"})");
    EXPECT_THAT(run_against("policy", observing).out,
                StartsWith("mode = \"observe\": finwaitd asks and ends nobody by itself, whatever ON EXPIRY "
                           "says\nPOLICY "));
    EXPECT_THAT(run_against("policy", kPolicy + done_line(R"({"mode":"enforce"})")).out,
                StartsWith("mode = \"enforce\"\nPOLICY "));
    EXPECT_THAT(run_against("policy", kPolicy + done_line()).out, StartsWith("POLICY "));
    EXPECT_EQ(nlohmann::json::parse(run_against("policy", observing, true).out).size(), 1U);
}

std::string told_by_a_stopped_daemon(const control::Request& request) {
    const Listener daemon;
    Captured err;
    const auto take = [](std::string_view) { return true; };
    const Answer answer =
        exchange(daemon.path(), request, take, err.output(), std::chrono::milliseconds(100));
    EXPECT_EQ(answer.code, ExitCode::unreachable);
    return err.text();
}

TEST(StoppedDaemon, MayStillDoWhatItDidNotAnswer) {
    control::Request request;
    for (const auto command : {control::Command::reload, control::Command::kill}) {
        request.command = command;
        EXPECT_THAT(told_by_a_stopped_daemon(request),
                    testing::EndsWith("; it may still be done when finwaitd goes on\n"));
    }
    request.command = control::Command::stats;
    EXPECT_THAT(told_by_a_stopped_daemon(request), Not(HasSubstr("may still be done")));
    request.command = control::Command::kill;
    request.permission_only = true;
    EXPECT_THAT(told_by_a_stopped_daemon(request), Not(HasSubstr("may still be done")));
}

}  // namespace
}  // namespace finwait::ctl::test
