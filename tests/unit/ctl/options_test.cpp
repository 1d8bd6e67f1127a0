#include "ctl/options.hpp"

#include "ctl/support.hpp"

#include <cstdlib>

#include <gmock/gmock.h>

namespace finwait::ctl::test {
namespace {

using testing::HasSubstr;

class Options : public testing::Test {
  protected:
    std::variant<Invocation, ExitCode> parse(std::vector<const char*> words) {
        words.insert(words.begin(), "finwaitctl");
        return parse_command_line(static_cast<int>(words.size()), words.data(), out.output(), err.output());
    }
    Invocation accepted(const std::vector<const char*>& words) {
        auto parsed = parse(words);
        EXPECT_TRUE(std::holds_alternative<Invocation>(parsed)) << err.text();
        return std::holds_alternative<Invocation>(parsed) ? std::get<Invocation>(parsed) : Invocation{};
    }
    ExitCode refused(const std::vector<const char*>& words) {
        auto parsed = parse(words);
        EXPECT_TRUE(std::holds_alternative<ExitCode>(parsed));
        return std::holds_alternative<ExitCode>(parsed) ? std::get<ExitCode>(parsed) : ExitCode::done;
    }

    void TearDown() override { ::unsetenv("FINWAITD_SOCKET"); }

    Captured out;
    Captured err;
};

TEST_F(Options, WithoutASubcommandFlowsAreListed) {
    const Invocation call = accepted({});
    EXPECT_EQ(call.subcommand->name, "list");
    EXPECT_EQ(call.operand, "");
    EXPECT_EQ(call.socket, "/run/finwaitd/control.sock");
    EXPECT_FALSE(call.json);
}

TEST_F(Options, TheFilterIsTheRestOfTheWords) {
    EXPECT_EQ(accepted({"list", "state", "fin-wait-2", "and", "idle", ">", "30s"}).operand,
              "state fin-wait-2 and idle > 30s");
    EXPECT_EQ(accepted({"count", "(", "port", "80", "or", "port 443", ")"}).operand,
              "( port 80 or port 443 )");
}

TEST_F(Options, AFilterMayUseTheNameOfASubcommand) {
    const Invocation call = accepted({"list", "policy", "web"});
    EXPECT_EQ(call.subcommand->name, "list");
    EXPECT_EQ(call.operand, "policy web");
}

TEST_F(Options, OptionsMayStandAnywhere) {
    for (const auto& words :
         std::vector<std::vector<const char*>>{{"--json", "--socket", "/s", "list", "port", "80"},
                                               {"list", "--json", "port", "80", "--socket", "/s"},
                                               {"list", "port", "80", "--socket=/s", "--json"}}) {
        const Invocation call = accepted(words);
        EXPECT_TRUE(call.json);
        EXPECT_EQ(call.socket, "/s");
        EXPECT_EQ(call.operand, "port 80");
    }
}

TEST_F(Options, AddressesAreOfListOnly) {
    EXPECT_FALSE(accepted({"list"}).verbose);
    EXPECT_TRUE(accepted({"list", "-v", "port", "80"}).verbose);
    EXPECT_EQ(accepted({"list", "port", "80", "--verbose"}).operand, "port 80");
    EXPECT_EQ(refused({"count", "-v"}), ExitCode::bad_input);
}

TEST_F(Options, TheEnvironmentNamesTheSocketUnlessTheLineDoes) {
    ::setenv("FINWAITD_SOCKET", "/from/environment", 1);
    EXPECT_EQ(accepted({"stats"}).socket, "/from/environment");
    EXPECT_EQ(accepted({"stats", "--socket", "/from/line"}).socket, "/from/line");
}

TEST_F(Options, KillWithoutAFilterIsRefused) {
    EXPECT_EQ(refused({"kill"}), ExitCode::bad_input);
    EXPECT_EQ(refused({"kill", " "}), ExitCode::bad_input);
    EXPECT_EQ(accepted({"kill", "host", "10.0.0.1"}).operand, "host 10.0.0.1");
    EXPECT_FALSE(accepted({"kill", "port", "1"}).yes);
    EXPECT_TRUE(accepted({"kill", "port", "1"}).wait);
    EXPECT_TRUE(accepted({"kill", "--yes", "port", "1"}).yes);
    EXPECT_EQ(accepted({"kill", "port", "1", "-y", "--no-wait"}).operand, "port 1");
    EXPECT_FALSE(accepted({"kill", "port", "1", "-y", "--no-wait"}).wait);
    EXPECT_EQ(refused({"list", "--yes"}), ExitCode::bad_input);
}

TEST_F(Options, WhatMakesNoSenseIsBadInput) {
    for (const auto& words : std::vector<std::vector<const char*>>{{"destroy"},
                                                                   {"show"},
                                                                   {"show", "1-1", "1-2"},
                                                                   {"--nonsense"},
                                                                   {"stats", "now"},
                                                                   {"list", "--backend", "x"}}) {
        EXPECT_EQ(refused(words), ExitCode::bad_input) << words[0];
    }
    EXPECT_EQ(refused({"rules", "--backend", "pf"}), ExitCode::bad_input);
    EXPECT_EQ(accepted({"rules", "--backend", "iptables"}).backend, "iptables");
}

TEST_F(Options, HelpNamesEverySubcommand) {
    EXPECT_EQ(refused({"--help"}), ExitCode::done);
    const std::string help = out.text();
    for (const Subcommand& subcommand : subcommands())
        EXPECT_THAT(help, HasSubstr(std::string(subcommand.name)));
    EXPECT_THAT(help, HasSubstr("4 not permitted"));
}

}  // namespace
}  // namespace finwait::ctl::test
