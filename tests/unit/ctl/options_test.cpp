#include "ctl/options.hpp"

#include "ctl/support.hpp"

#include <cstdlib>

#include <gmock/gmock.h>

namespace finwait::ctl::test {
namespace {

using testing::HasSubstr;

class Options : public testing::Test {
  protected:
    std::variant<CommandLine, ExitCode> parse(std::vector<const char*> words) {
        words.insert(words.begin(), "finwaitctl");
        return parse_command_line(static_cast<int>(words.size()), words.data(), out.output(), err.output());
    }
    Invocation accepted(const std::vector<const char*>& words) {
        auto parsed = parse(words);
        const auto* line = std::get_if<CommandLine>(&parsed);
        EXPECT_NE(line, nullptr) << err.text();
        if (line == nullptr) return {};
        chosen = line->subcommand->name;
        return line->call;
    }
    ExitCode refused(const std::vector<const char*>& words) {
        auto parsed = parse(words);
        EXPECT_TRUE(std::holds_alternative<ExitCode>(parsed));
        return std::holds_alternative<ExitCode>(parsed) ? std::get<ExitCode>(parsed) : ExitCode::done;
    }

    void TearDown() override { ::unsetenv("FINWAITD_SOCKET"); }

    Captured out;
    Captured err;
    std::string_view chosen;  // the subcommand of the last line that was accepted
};

TEST_F(Options, WithoutASubcommandFlowsAreListed) {
    const Invocation call = accepted({});
    EXPECT_EQ(chosen, "list");
    EXPECT_EQ(call.operand, "");
    EXPECT_EQ(call.socket, "/run/finwaitd/control.sock");
    EXPECT_FALSE(call.json);
}

TEST_F(Options, APolicyThatIsToGoOnHasAName) {
    EXPECT_EQ(refused({"policy", "--resume", ""}), ExitCode::bad_input);
    EXPECT_THAT(err.text(), HasSubstr(R"(found ""; allowed: the name of a policy)"));
}

TEST_F(Options, TypesOfEventsMayBeListedOrRepeatedAndTheFilterFollows) {
    const Invocation call = accepted(
        {"events", "--type", "tcp_reset,tcp_probe", "--type", "tcp_closed", "-f", "--new", "port", "80"});
    EXPECT_EQ(call.types, (std::vector<std::string>{"tcp_reset", "tcp_probe", "tcp_closed"}));
    EXPECT_TRUE(call.follow && call.fresh && !call.text);
    EXPECT_EQ(call.operand, "port 80");
}

TEST_F(Options, TheFilterIsTheRestOfTheWords) {
    EXPECT_EQ(accepted({"list", "state", "fin-wait-2", "and", "idle", ">", "30s"}).operand,
              "state fin-wait-2 and idle > 30s");
    EXPECT_EQ(accepted({"count", "(", "port", "80", "or", "port 443", ")"}).operand,
              "( port 80 or port 443 )");
}

TEST_F(Options, AFilterMayUseTheNameOfASubcommand) {
    const Invocation call = accepted({"list", "policy", "web"});
    EXPECT_EQ(chosen, "list");
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

TEST_F(Options, AListIsShapedByItsOptions) {
    const Invocation call = accepted(
        {"list", "-vv", "-H", "-r", "--sort", "-idle", "--limit", "10", "--color=always", "port", "80"});
    EXPECT_EQ(call.operand, "port 80");
    EXPECT_EQ(call.verbose, 2);
    EXPECT_FALSE(call.header);
    EXPECT_TRUE(call.resolve);
    EXPECT_EQ(call.sort, "-idle");
    EXPECT_EQ(call.limit, 10U);
    EXPECT_EQ(call.colours, Colours::always);
    const Invocation plain = accepted({"list"});
    EXPECT_TRUE(plain.header);
    EXPECT_FALSE(plain.limit);
    EXPECT_EQ(plain.colours, Colours::automatic);
}

TEST_F(Options, JsonMayBePretty) {
    EXPECT_FALSE(accepted({"list", "--json"}).pretty);
    EXPECT_TRUE(accepted({"stats", "--json=pretty"}).pretty);
    EXPECT_TRUE(accepted({"--json=pretty", "stats"}).json);
    EXPECT_EQ(accepted({"list", "--json", "port", "80"}).operand, "port 80");
    EXPECT_EQ(refused({"list", "--json=nice"}), ExitCode::bad_input);
    EXPECT_TRUE(accepted({"list", "-o", "json"}).json);
    EXPECT_TRUE(accepted({"list", "-o", "tsv"}).tsv);
    EXPECT_FALSE(accepted({"list", "-o", "table"}).json);
}

TEST_F(Options, ThatContradictEachOtherAreRefused) {
    EXPECT_EQ(refused({"list", "--json", "-o", "tsv"}), ExitCode::bad_input);
    EXPECT_EQ(refused({"list", "-r", "--json"}), ExitCode::bad_input);
    EXPECT_EQ(refused({"list", "--limit", "0"}), ExitCode::bad_input);
    EXPECT_EQ(refused({"list", "--limit", "-3"}), ExitCode::bad_input);
    EXPECT_EQ(refused({"count", "--limit", "3"}), ExitCode::bad_input);
    EXPECT_EQ(accepted({"count", "--by", "port", "--limit", "3"}).by, "port");
}

TEST_F(Options, AMisspeltWordIsAnsweredByTheOneThatWasMeant) {
    const std::vector<std::pair<std::vector<const char*>, const char*>> cases = {
        {{"lst"}, "\"lst\" is no subcommand; did you mean \"list\"?"},
        {{"explian", "1-1"}, "\"explian\" is no subcommand; did you mean \"explain\"?"},
        {{"lst", "policy", "web"}, "\"lst\" is no subcommand; did you mean \"list\"?"},
        {{"zebra"}, "\"zebra\" is no subcommand; there are list, show, "},
        {{"3f2a-17"}, "\"3f2a-17\" is no subcommand; did you mean \"finwaitctl explain 3f2a-17\"?"},
        {{"help"}, "did you mean \"finwaitctl --help\"?"},
        {{"explain", "1-1", "2-1"}, "finwaitctl explain takes one ID"},
        {{"check", "a.toml", "b.toml"}, "finwaitctl check takes one FILE"},
        {{"kill"}, "FILTER is required: Which flows, by a filter or by ids"},
        {{"state", "established"}, "did you mean \"finwaitctl list state ...\"?"},
        {{"list", "--limt", "3"}, "\"--limt\" is no option of finwaitctl list; did you mean \"--limit\"?"},
        {{"list", "--jsn"}, "did you mean \"--json\"?"},
        {{"list", "--yes"}, "\"--yes\" is no option of finwaitctl list; finwaitctl kill has it"},
        {{"--sort", "age"}, "\"--sort\" is no option of finwaitctl; finwaitctl list has it"},
        {{"list", "--sort", "-idel"}, "--sort: found \"idel\"; allowed: client, "},
        {{"list", "--sort", "-idel"}, "did you mean \"idle\"?"},
        {{"list", "-o", "jsn"}, "found \"jsn\"; allowed: table, json, tsv; did you mean \"json\"?"},
        {{"list", "--color", "alwys"}, "did you mean \"always\"?"},
        {{"count", "--by", "clinet"}, "did you mean \"client\"?"},
        {{"rules", "--backend", "nftable"}, "did you mean \"nftables\"?"},
        {{"list", "--limit", "abc"}, "--limit: found \"abc\"; allowed: a number from 1 to 1000000000"},
        {{"stats", "now"}, "\"now\" is one word too many for finwaitctl stats"},
        {{"show"}, "ID is required"}};
    for (const auto& [words, answer] : cases) {
        const std::size_t before = err.text().size();
        EXPECT_EQ(refused(words), ExitCode::bad_input);
        EXPECT_THAT(err.text().substr(before), HasSubstr(answer));
    }
}

TEST_F(Options, EverySubcommandHasHelpWithExamplesOfItself) {
    for (const Subcommand& subcommand : subcommands()) {
        const std::string name(subcommand.name);
        const std::size_t before = out.text().size();
        EXPECT_EQ(refused({name.c_str(), "--help"}), ExitCode::done);
        const std::string help = out.text().substr(before);
        EXPECT_THAT(help, HasSubstr("Examples:\n"));
        EXPECT_THAT(help, HasSubstr("finwaitctl " + name));
        for (const std::string& line : lines_of(help))
            EXPECT_LE(line.size(), 110U) << line;
    }
}

TEST_F(Options, HelpNamesEverySubcommand) {
    EXPECT_EQ(refused({"--help"}), ExitCode::done);
    const std::string help = out.text();
    for (const Subcommand& subcommand : subcommands())
        EXPECT_THAT(help, HasSubstr(std::string(subcommand.name)));
    EXPECT_THAT(help, HasSubstr("4 not permitted"));
}

TEST_F(Options, TopOffersNoIds) {
    EXPECT_EQ(refused({"top", "--help"}), ExitCode::done);
    EXPECT_THAT(out.text(), HasSubstr("not by ids"));
    EXPECT_THAT(out.text(), testing::Not(HasSubstr("or by ids")));
}

}  // namespace
}  // namespace finwait::ctl::test
