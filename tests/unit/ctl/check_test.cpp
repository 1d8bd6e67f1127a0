// finwaitctl check: the files that make up a configuration, what is odd about it, and whose configuration the
// machine is looked at for.
#include "ctl/check_system.hpp"
#include "ctl/config_in_force.hpp"
#include "ctl/fake_daemon.hpp"

#include <filesystem>
#include <fstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>

namespace finwait::ctl::test {
namespace {

namespace fs = std::filesystem;
using control::data_line;
using control::done_line;
using machine::Grade;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CheckFiles : public testing::Test {
  protected:
    CheckFiles() {
        std::string pattern = (fs::temp_directory_path() / "finwait-check-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
    }
    ~CheckFiles() override { fs::remove_all(directory_); }
    CheckFiles(const CheckFiles&) = delete;
    CheckFiles& operator=(const CheckFiles&) = delete;

    [[nodiscard]] std::string path(const std::string& name) const { return (directory_ / name).string(); }
    void write(const std::string& name, std::string_view text) const {
        fs::create_directories(fs::path(path(name)).parent_path());
        std::ofstream(path(name)) << text;
    }
    [[nodiscard]] Outcome check(bool json = false) const {
        return run("check", {path("finwaitd.toml"), {}, {}, json});
    }
    /// The answer to "config" of a daemon that has this in force.
    [[nodiscard]] std::string config_line(const std::string& text) const {
        return data_line("config", nlohmann::json({{"file", path("finwaitd.toml")}, {"text", text}}).dump()) +
               done_line();
    }

  private:
    fs::path directory_;
};

TEST_F(CheckFiles, EachFileThatWasReadIsNamed) {
    write("finwaitd.toml", "mode = 'observe'\ncontrol = {group = 'root', admin_group = 'root'}");
    write("conf.d/10-web.toml", "limits.flows = 10");
    write("conf.d/notes.txt", "not read");
    const Outcome outcome = check();
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, path("finwaitd.toml") + ": valid\n" + path("conf.d/10-web.toml") + ": valid\n");
    EXPECT_EQ(outcome.err, "");
}

TEST_F(CheckFiles, APolicyThatCanNeverBeInForceIsAWarningAndNoFailure) {
    write("finwaitd.toml",
          "[[policy]]\nname = 'all'\nmatch = ''\n[[policy]]\nname = 'odd'\nmatch = 'port 1 port 2'");
    write("conf.d/10.toml", "[[policy]]\nname = 'late'\nmatch = 'port 443'");
    const Outcome outcome = check();
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.err, HasSubstr("warning: " + path("conf.d/10.toml") + ":2:"));
    EXPECT_THAT(outcome.err,
                HasSubstr("policy \"late\" can never be in force: every connection that it matches is "
                          "matched before by all"));
    EXPECT_THAT(outcome.err, HasSubstr("policy \"odd\" can never be in force: its match contradicts itself"));
    const Outcome array = check(true);
    EXPECT_EQ(array.code, 0);
    EXPECT_EQ(array.out, "[]\n") << "the array is of errors";
    EXPECT_THAT(array.err, HasSubstr("late"));
}

TEST_F(CheckFiles, WhatDoesLessThanItSaysIsAWarning) {
    write("finwaitd.toml",
          "[intercept]\nspread = 'ports'\nbackend = 'iptables'\ncpus = '0-1023'\n[state]\nfile = "
          "'/nodir/state'\n[control]\ngroup = 'no-such-group'");
    const Outcome outcome = check();
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.err, HasSubstr(":2:10: intercept.spread: \"ports\" needs nftables"));
    EXPECT_THAT(outcome.err, HasSubstr(":6:8: state.file: there is no directory /nodir: "));
    EXPECT_THAT(outcome.err, HasSubstr("warning: intercept.cpus: this machine has CPUs "));
    EXPECT_THAT(outcome.err,
                HasSubstr("warning: control.group: this machine has no group \"no-such-group\""));
}

TEST_F(CheckFiles, TheMachineIsLookedAtForTheConfigurationOfTheDaemonThatRuns) {
    write("finwaitd.toml", "mode = 'observe'");
    FakeDaemon daemon({config_line("mode = 'observe'")});
    Captured err;
    const auto chosen = config_to_check("", {daemon.path()}, err.output());
    ASSERT_TRUE(std::holds_alternative<ConfigToCheck>(chosen)) << err.text();
    const auto& config = std::get<ConfigToCheck>(chosen);
    EXPECT_EQ(config.settings.mode, config::Mode::observe);
    EXPECT_EQ(config.about.grade, Grade::good);
    EXPECT_THAT(config.about.what,
                HasSubstr("in force in the running finwaitd, of " + path("finwaitd.toml")));
    EXPECT_EQ(nlohmann::json::parse(daemon.requests()[0]), nlohmann::json({{"command", "config"}}));
}

TEST_F(CheckFiles, AFileThatSaysOtherwiseByNowIsAWarning) {
    write("finwaitd.toml", "mode = 'enforce'");
    Captured err;
    const FakeDaemon daemon({config_line("mode = 'observe'")});
    const auto other = std::get<ConfigToCheck>(config_to_check("", {daemon.path()}, err.output()));
    EXPECT_EQ(other.settings.mode, config::Mode::observe);
    EXPECT_EQ(other.about.grade, Grade::warning);
    EXPECT_THAT(other.about.advice, HasSubstr("finwaitctl reload"));
    write("finwaitd.toml", "mode = 'loud'");
    const auto wrong = std::get<ConfigToCheck>(config_to_check("", {daemon.path()}, err.output()));
    EXPECT_EQ(wrong.about.grade, Grade::warning);
    EXPECT_EQ(wrong.about.advice, "finwaitctl check " + path("finwaitd.toml"));
}

TEST_F(CheckFiles, AFileThatIsNamedIsTheOneThatIsMeantAndWithoutADaemonTheUsualOneIs) {
    write("mine.toml", "mode = 'observe'");
    FakeDaemon daemon({config_line("mode = 'enforce'")});
    Captured err;
    const auto mine =
        std::get<ConfigToCheck>(config_to_check(path("mine.toml"), {daemon.path()}, err.output()));
    EXPECT_EQ(mine.settings.mode, config::Mode::observe);
    EXPECT_THAT(mine.about.what, HasSubstr(path("mine.toml")));
    EXPECT_THAT(daemon.requests(), IsEmpty());

    const auto usual = std::get<ConfigToCheck>(
        config_to_check("", {"/nowhere/control.sock", path("mine.toml")}, err.output()));
    EXPECT_EQ(usual.settings.mode, config::Mode::observe);
    EXPECT_EQ(usual.about.grade, Grade::good);
    EXPECT_THAT(usual.about.what, HasSubstr("no finwaitd answers at /nowhere/control.sock"));
    const auto none = config_to_check("", {"/nowhere/control.sock", path("none.toml")}, err.output());
    ASSERT_TRUE(std::holds_alternative<ExitCode>(none));
    EXPECT_EQ(std::get<ExitCode>(none), ExitCode::bad_input);
}

TEST_F(CheckFiles, ADaemonThatIsStoppedIsThereAndNotAbsent) {
    write("usual.toml", "");
    const int stopped = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path("s").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(stopped, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(stopped, 16), 0);
    Captured err;
    const auto config = std::get<ConfigToCheck>(
        config_to_check("", {path("s"), path("usual.toml"), std::chrono::milliseconds(200)}, err.output()));
    ::close(stopped);
    EXPECT_EQ(config.about.grade, Grade::warning);
    EXPECT_THAT(config.about.what,
                HasSubstr("finwaitd is there and does not answer for 0.2 s: it is stopped"));
    EXPECT_THAT(config.about.advice, HasSubstr("kill -CONT"));
}

TEST_F(CheckFiles, WhyADaemonDoesNotTellItsConfigurationIsNotAlwaysItsVersion) {
    write("usual.toml", "");
    Captured err;
    const auto about = [&](const std::string& answer) {
        const FakeDaemon daemon({answer});
        return std::get<ConfigToCheck>(config_to_check("", {daemon.path(), path("usual.toml")}, err.output()))
            .about;
    };
    const machine::Finding older =
        about(control::error_line({control::ErrorCode::command, "no such command", 0}));
    EXPECT_EQ(older.grade, Grade::warning);
    EXPECT_THAT(older.what, HasSubstr("of another version"));
    const machine::Finding busy =
        about(control::error_line({control::ErrorCode::busy, "too many connections", 0}));
    EXPECT_EQ(busy.grade, Grade::unknown);
    EXPECT_THAT(busy.what, HasSubstr("finwaitd has not told its own: too many connections."));
    const machine::Finding cut = about("");
    EXPECT_EQ(cut.grade, Grade::unknown);
    EXPECT_THAT(cut.what, HasSubstr("closed the connection before its answer was complete"));
    const machine::Finding refused =
        about(control::error_line({control::ErrorCode::permission, "not for you", 0}));
    EXPECT_EQ(refused.grade, Grade::unknown);
    EXPECT_THAT(refused.what, HasSubstr("this user may not ask"));
}

TEST_F(CheckFiles, WhereThereIsNoFileEitherTheDaemonsStateIsSaidAsWell) {
    for (const bool refused : {false, true}) {
        std::vector<std::string> answers;
        if (refused) answers = {control::error_line({control::ErrorCode::permission, "no", 0})};
        const FakeDaemon daemon(answers);
        Captured err;
        const auto chosen = config_to_check(
            "", {refused ? daemon.path() : "/nowhere/control.sock", path("finwaitd.toml")}, err.output());
        ASSERT_TRUE(std::holds_alternative<ExitCode>(chosen));
        EXPECT_EQ(std::get<ExitCode>(chosen), ExitCode::bad_input);
        EXPECT_THAT(err.text(), HasSubstr(path("finwaitd.toml") + ": cannot be read"));
        EXPECT_THAT(err.text(), HasSubstr(refused ? "finwaitctl: this user may not ask"
                                                  : "finwaitctl: no finwaitd answers at"));
    }
}

TEST_F(CheckFiles, RulesThatTheDaemonMissesAreTaken) {
    write("finwaitd.toml", "mode = 'observe'");
    Captured err;
    FakeDaemon daemon({config_line("mode = 'observe'"),
                       data_line("stats", R"({"rules":{"missing":7,"restored":0}})") + done_line()});
    const auto config = std::get<ConfigToCheck>(config_to_check("", {daemon.path()}, err.output()));
    EXPECT_EQ(config.rules_missing, 7U);
    ASSERT_EQ(daemon.requests().size(), 2U);
    EXPECT_EQ(nlohmann::json::parse(daemon.requests()[1]), nlohmann::json({{"command", "stats"}}));
}

TEST(CheckSystem, OnlyAProblemIsAFailure) {
    EXPECT_EQ(
        exit_code(
            {{Grade::good, "a", "b", {}}, {Grade::unknown, "a", "b", {}}, {Grade::warning, "a", "b", {}}}),
        ExitCode::done);
    EXPECT_EQ(exit_code({{Grade::problem, "a", "b", {}}}), ExitCode::failed);
}

}  // namespace
}  // namespace finwait::ctl::test
