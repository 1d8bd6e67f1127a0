#include "config/config_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finwait::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kDuration =
    "a duration from \"1ms\" to \"365d\", such as \"90s\", \"5m\" or \"2h4m\"";

std::string policy_with(std::string_view match_line) {
    return "[[policy]]\nname = \"web\"\n" + std::string(match_line) + '\n';
}

TEST(ConfigError, AWordThatIsNotAllowed) {
    EXPECT_THAT(
        errors("mode = \"enforced\""),
        ElementsAre(
            "test.toml:1:8: mode: found the string \"enforced\"; allowed: \"enforce\", \"observe\"; did "
            "you mean \"enforce\"?"));
}

TEST(ConfigError, AWrongType) {
    EXPECT_THAT(
        errors("mode = true\nlog.level = 1.5\nlimits = []\n[intercept]\nqueues = \"4\"\n[control]\nsocket = "
               "1979-05-27\ngroup = {}"),
        ElementsAre(
            "test.toml:1:8: mode: found the boolean true; allowed: \"enforce\", \"observe\"",
            "test.toml:2:13: log.level: found the number 1.5; allowed: \"error\", \"warn\", \"info\", "
            "\"debug\"",
            "test.toml:3:10: limits: found an array; allowed: a table",
            "test.toml:5:10: intercept.queues: found the string \"4\"; allowed: an integer from 0 to 256",
            "test.toml:7:10: control.socket: found a date; allowed: an absolute path of at most 107 "
            "bytes",
            StartsWith("test.toml:8:9: control.group: found a table; allowed: the name of a group")));
}

TEST(ConfigError, ASocketWhereNoneCanBe) {
    EXPECT_THAT(errors("[control]\nsocket = \"/nodir/x.sock\""),
                ElementsAre("test.toml:2:10: control.socket: found the string \"/nodir/x.sock\"; allowed: a "
                            "place where a socket can be (there is no directory /nodir)"));
    EXPECT_THAT(errors("metrics.listen = \"unix:/nodir/m\""),
                ElementsAre(AllOf(HasSubstr("metrics.listen: found the string \"unix:/nodir/m\""),
                                  HasSubstr("there is no directory /nodir"))));
    EXPECT_THAT(errors("control.socket = \"/etc/passwd/s\""), ElementsAre(HasSubstr("is no directory")));
    EXPECT_THAT(errors("control.socket = \"/etc/passwd\""),
                ElementsAre(HasSubstr("another kind of file is there")));
    EXPECT_THAT(errors("control.socket = \"/tmp/x.sock\""), testing::IsEmpty());
    EXPECT_THAT(errors("control.socket = \"/run/finwaitd/x.sock\""), testing::IsEmpty())
        << "a directory that the daemon makes";
}

TEST(ConfigError, AutomaticQueuesBehindTheLastNumber) {
    EXPECT_THAT(
        errors("[intercept]\nfirst_queue = 65535\ncpus = \"0-2\""),
        ElementsAre("test.toml:2:15: intercept.first_queue: found the integer 65535; allowed: at most "
                    "65533, for queues = 0 makes 3 queues here, one for each CPU (queue numbers end "
                    "at 65535)"));
    EXPECT_THAT(errors("[intercept]\nfirst_queue = 65533\ncpus = \"0-2\""), testing::IsEmpty());
}

TEST(ConfigError, AnAuditFileThatCannotBe) {
    EXPECT_THAT(
        errors("[log]\naudit = \"/nowhere/at/all.json\""),
        ElementsAre(
            "test.toml:2:9: log.audit: found the string \"/nowhere/at/all.json\"; allowed: a file that can "
            "be written (there is no directory /nowhere/at)"));
    EXPECT_THAT(errors("log.audit = \"/tmp\""), ElementsAre(HasSubstr("(it is a directory)")));
    EXPECT_THAT(
        errors("log.audit = \"audit.json\""),
        ElementsAre(
            "test.toml:1:13: log.audit: found the string \"audit.json\"; allowed: the absolute path of "
            "a file in a directory that exists, or \"\" for none"));
    EXPECT_THAT(errors("log.audit = \"/tmp/audit.json\""), testing::IsEmpty());
    EXPECT_THAT(errors("log.audit = \"/dev/full\""), testing::IsEmpty());
}

TEST(ConfigError, AnUnknownKeyAtTheTopLevel) {
    EXPECT_THAT(
        errors("\n  moed = \"enforce\""),
        ElementsAre(
            "test.toml:2:3: moed: found an unknown key; allowed: intercept, limits, timeouts, conntrack, "
            "control, metrics, state, log, policy, mode, profile; did you mean \"mode\"?"));
}

TEST(ConfigError, AnUnknownKeyInATable) {
    EXPECT_THAT(
        errors("[limits]\nflow = 5\n\"a\\u001bb\" = 1"),
        ElementsAre(
            "test.toml:2:1: limits.flow: found an unknown key; allowed: flows, half_closed_per_source, "
            "source_prefix_ipv4, source_prefix_ipv6, resets_per_second, probes_per_second, adaptive_start, "
            "adaptive_end, breaker_share; did you mean \"flows\"?",
            "test.toml:3:1: limits.\"a\\x1bb\": found an unknown key; allowed: flows, "
            "half_closed_per_source, source_prefix_ipv4, source_prefix_ipv6, "
            "resets_per_second, probes_per_second, adaptive_start, adaptive_end, breaker_share"));
}

TEST(ConfigError, AShareOutOfItsRange) {
    EXPECT_THAT(
        errors("[limits]\nbreaker_share = 2.5\nadaptive_end = \"off\"\nadaptive_start = nan"),
        ElementsAre("test.toml:2:17: limits.breaker_share: found the number 2.5; allowed: a number from "
                    "0.001 to 0.999, or \"off\"",
                    "test.toml:3:16: limits.adaptive_end: found the string \"off\"; allowed: a number "
                    "from 0 to 10",
                    "test.toml:4:18: limits.adaptive_start: found the number nan; allowed: a number from "
                    "0 to 1, or \"off\""));
}

TEST(ConfigError, AnEndOfThePressureThatIsNotBehindItsStart) {
    EXPECT_THAT(
        errors("[limits]\nadaptive_end = 0.5"),
        ElementsAre("test.toml:2:16: limits.adaptive_end: found 0.5; allowed: more than adaptive_start, "
                    "which is 0.6"));
    EXPECT_THAT(
        errors("[limits]\nadaptive_start = 1\nadaptive_end = 1"),
        ElementsAre("test.toml:3:16: limits.adaptive_end: found 1; allowed: more than adaptive_start, "
                    "which is 1"));
}

TEST(ConfigError, AnUnknownTable) {
    EXPECT_THAT(errors("[metric]\nlisten = \"\""),
                ElementsAre(StartsWith("test.toml:1:2: metric: found an unknown key; allowed: ")));
}

TEST(ConfigError, AnIntegerOutOfRange) {
    EXPECT_THAT(
        errors("[limits]\nflows = 16777216\nresets_per_second = 0\nprobes_per_second = 0"),
        ElementsAre(
            "test.toml:2:9: limits.flows: found the integer 16777216; allowed: an integer from 1 to "
            "16777215",
            "test.toml:3:21: limits.resets_per_second: found the integer 0; allowed: an integer from 1 "
            "to 4294967295",
            "test.toml:4:21: limits.probes_per_second: found the integer 0; allowed: an integer from 1 "
            "to 4294967295"));
}

TEST(ConfigError, APrefixLongerThanAnAddress) {
    EXPECT_THAT(
        errors("[limits]\nsource_prefix_ipv4 = 33\nsource_prefix_ipv6 = 0"),
        ElementsAre(
            "test.toml:2:22: limits.source_prefix_ipv4: found the integer 33; allowed: an integer from "
            "1 to 32",
            "test.toml:3:22: limits.source_prefix_ipv6: found the integer 0; allowed: an integer from "
            "1 to 128"));
}

TEST(ConfigError, ADurationThatIsNone) {
    EXPECT_THAT(errors("[timeouts]\nfin_wait_1 = \"5 minutes\"\nclosing = 30"),
                ElementsAre("test.toml:2:14: timeouts.fin_wait_1: found the string \"5 minutes\"; allowed: " +
                                std::string(kDuration),
                            "test.toml:3:11: timeouts.closing: found the integer 30; allowed: " +
                                std::string(kDuration)));
}

TEST(ConfigError, ADurationOutOfRange) {
    EXPECT_THAT(errors("[timeouts]\nfin_wait_2 = \"0s\"\nestablished = \"366d\""),
                ElementsAre("test.toml:2:14: timeouts.fin_wait_2: found the string \"0s\"; allowed: " +
                                std::string(kDuration) + ", or \"off\"",
                            StartsWith("test.toml:3:15: timeouts.established: found the string \"366d\"")));
}

TEST(ConfigError, OffWhereAnEndIsNeeded) {
    for (const std::string key : {"handshake", "fin_wait_1", "closing", "time_wait"}) {
        EXPECT_EQ(errors("timeouts." + key + " = \"off\"").size(), 1U) << key;
    }
    for (const std::string key : {"established", "fin_wait_2", "fin_wait_2_max"}) {
        EXPECT_EQ(errors("timeouts." + key + " = \"off\"").size(), 0U) << key;
    }
}

TEST(ConfigError, AMarkMaskWithoutBitsOrWithTooMany) {
    for (const std::string mask : {"0", "\"0x0\"", "\"0x1ffffffff\"", "0x1ffffffff", "-1", "\"40000000\"",
                                   "\"0x\"", "\"0x4g\"", "\"0x-1\""}) {
        EXPECT_THAT(errors("[intercept]\nmark_mask = " + mask),
                    ElementsAre(AllOf(StartsWith("test.toml:2:13: intercept.mark_mask: found the "),
                                      HasSubstr("allowed: a string such as \"0x40000000\", or an integer"))));
    }
}

TEST(ConfigError, MoreQueuesThanThereAreNumbers) {
    EXPECT_THAT(
        errors("[intercept]\nfirst_queue = 65535\nqueues = 2"),
        ElementsAre(
            "test.toml:3:10: intercept.queues: found the integer 2; allowed: with first_queue at 65535, "
            "at most 1 (queue numbers end at 65535)"));
}

TEST(ConfigError, AMaximumBelowTheIdleTime) {
    EXPECT_THAT(
        errors("[timeouts]\nfin_wait_2_max = \"1m\"\nfin_wait_2 = \"90s\""),
        ElementsAre("test.toml:2:18: timeouts.fin_wait_2_max: found the string \"1m\"; allowed: no less than "
                    "fin_wait_2, which is \"1m30s\" here, or \"off\""));
    EXPECT_THAT(
        errors("timeouts.fin_wait_2_max = \"10m\"\n" + policy_with("match = \"\"\nfin_wait_2 = \"1h\"")),
        ElementsAre("test.toml:5:14: policy.fin_wait_2: found the string \"1h\"; allowed: no more than "
                    "fin_wait_2_max, which is \"10m\" here"));
}

TEST(ConfigError, AMaximumIsNotComparedWithAWrongIdleTime) {
    EXPECT_EQ(errors("timeouts.fin_wait_2_max = \"1m\"\ntimeouts.fin_wait_2 = 5").size(), 1U);
}

TEST(ConfigError, AProfileThatIsNoneIsTheOnlyErrorThatComesOfIt) {
    EXPECT_THAT(
        errors("profile = \"agressive\"\n[timeouts]\nfin_wait_2_max = \"1m\""),
        ElementsAre("test.toml:1:11: profile: found the string \"agressive\"; allowed: \"conservative\", "
                    "\"normal\", \"aggressive\"; did you mean \"aggressive\"?"));
}

TEST(ConfigError, AMaximumBelowTheIdleTimeOfTheProfile) {
    EXPECT_THAT(errors("profile = \"conservative\"\n[timeouts]\nfin_wait_2_max = \"30m\""),
                ElementsAre(StartsWith("test.toml:3:18: timeouts.fin_wait_2_max: found the string \"30m\"; "
                                       "allowed: no less than fin_wait_2, which is \"1h\" here")));
    EXPECT_EQ(errors("profile = \"aggressive\"\n[timeouts]\nfin_wait_2_max = \"30s\"").size(), 0U);
}

TEST(ConfigError, AProfileStandsAtTheTopLevelOnly) {
    EXPECT_THAT(errors(policy_with("match = \"\"\nprofile = \"normal\"")),
                ElementsAre(StartsWith("test.toml:4:1: policy.profile: found an unknown key")));
    EXPECT_THAT(errors("[timeouts]\nprofile = \"normal\""),
                ElementsAre(StartsWith("test.toml:2:1: timeouts.profile: found an unknown key")));
}

TEST(ConfigError, ASocketPathThatIsRelativeOrTooLong) {
    EXPECT_THAT(errors("control.socket = \"run/x.sock\""),
                ElementsAre(StartsWith("test.toml:1:18: control.socket: ")));
    EXPECT_EQ(errors("control.socket = \"/" + std::string(106, 'x') + '"').size(), 0U);
    EXPECT_EQ(errors("control.socket = \"/" + std::string(107, 'x') + '"').size(), 1U);
}

TEST(ConfigError, AStateFileIsAnAbsolutePathOrNothing) {
    EXPECT_THAT(errors("state.file = \"state\""), ElementsAre(StartsWith("test.toml:1:14: state.file: ")));
    EXPECT_EQ(errors("state.file = \"/var/lib/\"").size(), 1U);
    EXPECT_EQ(errors("state.file = \"/\"").size(), 1U);
    EXPECT_EQ(errors("state.file = \"\"").size(), 0U);
    EXPECT_EQ(errors("state.file = \"/state\"").size(), 0U);
}

TEST(ConfigError, AMatchThatIsWrongIsShownWithACaretBelowTheWord) {
    const auto result = parse(policy_with("match = \"port 443 and prt 80\""), "test.toml");
    const auto& found = std::get<std::vector<Error>>(result);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_THAT(found[0].illustrated(), StartsWith("test.toml:3:23: policy.match: found \"prt\"; allowed: "));
    EXPECT_THAT(found[0].illustrated(), EndsWith("\n  port 443 and prt 80\n               ^"));
    EXPECT_THAT(found[0].text(), Not(HasSubstr("\n"))) << "a line of a log";
}

TEST(ConfigError, ASparedFilterThatIsWrongIsShownTheSameWay) {
    const auto result = parse("[intercept]\nspare = \"port 22 or prt 80\"\n", "test.toml");
    const auto& found = std::get<std::vector<Error>>(result);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_THAT(found[0].illustrated(),
                StartsWith("test.toml:2:21: intercept.spare: found \"prt\"; allowed: "));
    EXPECT_THAT(found[0].illustrated(), HasSubstr("did you mean \"port\"?"));
    EXPECT_THAT(found[0].illustrated(), EndsWith("\n  port 22 or prt 80\n             ^"));
    EXPECT_THAT(
        errors("intercept.spare = 22"),
        ElementsAre(StartsWith("test.toml:1:19: intercept.spare: found the integer 22; allowed: a filter")));
}

TEST(ConfigError, APolicyWithoutNameAndMatch) {
    EXPECT_THAT(
        errors("\n[[policy]]\nfin_wait_2 = \"1m\""),
        ElementsAre(
            StartsWith("test.toml:2:1: policy.name: found nothing; allowed: a name of its own"),
            StartsWith("test.toml:2:1: policy.match: found nothing; allowed: a string with a filter")));
}

TEST(ConfigError, APolicyNameThatIsTakenOrNotAllowed) {
    EXPECT_THAT(
        errors(policy_with("match = \"\"") + policy_with("match = \"port 1\"") +
               "[[policy]]\nmatch = \"\"\nname = \"default\""),
        ElementsAre(StartsWith("test.toml:5:8: policy.name: found the string \"web\", which is taken at "
                               "test.toml:2; allowed: a name of its own"),
                    StartsWith("test.toml:9:8: policy.name: found the string \"default\"; allowed: ")));
    EXPECT_EQ(errors("[[policy]]\nmatch = \"\"\nname = \"a b\"").size(), 1U);
}

TEST(ConfigError, AnUnknownKeyInAPolicy) {
    EXPECT_THAT(
        errors(policy_with("match = \"\"\nfinwait_2 = \"1m\"")),
        ElementsAre(AllOf(StartsWith("test.toml:4:1: policy.finwait_2: found an unknown key; allowed: name, "
                                     "match, priority, handshake, "),
                          HasSubstr("did you mean \"fin_wait_2\"?"))));
}

TEST(ConfigError, APolicyThatIsNotAnArrayOfTables) {
    EXPECT_THAT(errors("[policy]\nname = \"web\""),
                ElementsAre("test.toml:1:1: policy: found a table; allowed: tables, each headed [[policy]]"));
    EXPECT_THAT(
        errors("policy = [1]"),
        ElementsAre("test.toml:1:11: policy: found the integer 1; allowed: tables, each headed [[policy]]"));
}

TEST(ConfigError, TooManyPolicies) {
    std::string text;
    for (int i = 0; i < 201; ++i)
        text += "[[policy]]\nname = \"p" + std::to_string(i) + "\"\nmatch = \"\"\n";
    EXPECT_THAT(errors(text),
                ElementsAre("test.toml:601:1: policy: found one policy too many; allowed: at most 200"));
}

TEST(ConfigError, AFilterErrorPointsIntoTheString) {
    EXPECT_THAT(errors(policy_with("match = \"port 443 and prt 80\"")),
                ElementsAre(AllOf(StartsWith("test.toml:3:23: policy.match: found \"prt\"; allowed: "),
                                  HasSubstr("did you mean \"port\"?"))));
    EXPECT_THAT(errors(policy_with("match = 'port'")),
                ElementsAre(StartsWith("test.toml:3:14: policy.match: ")));
    EXPECT_THAT(errors(policy_with("match = \"policy web\"")),
                ElementsAre(StartsWith("test.toml:3:10: policy.match: ")));
}

TEST(ConfigError, AFilterErrorCountsCharactersNotBytes) {
    EXPECT_THAT(errors(policy_with("match = \"port 1 policy \xc3\xa9\xc3\xa9 x\"")),
                ElementsAre(StartsWith("test.toml:3:17: policy.match: found \"policy\"")));
    EXPECT_THAT(errors("limits.\"\xc3\xa9\xc3\xa9\" = 1 # \xc3\xa9\n"),
                ElementsAre(StartsWith("test.toml:1:8: ")));
}

TEST(ConfigError, AFilterErrorInAnEscapedStringPointsAtTheString) {
    for (const std::string match : {"match = \"port\\t443 x\"", "match = \"\"\"port 443 x\"\"\"",
                                    "match = \"\"\"\nport 443\nx\"\"\""}) {
        EXPECT_THAT(errors(policy_with(match)),
                    ElementsAre(StartsWith("test.toml:3:9: policy.match: found \"x\"")))
            << match;
    }
}

TEST(ConfigError, TextThatIsNotToml) {
    EXPECT_THAT(errors("mode = \"enforce\"\n[limits\nflows = 1"),
                ElementsAre(StartsWith("test.toml:2:8: not valid TOML: ")));
    EXPECT_THAT(errors("mode = \"enforce\"\nmode = \"observe\""), ElementsAre(StartsWith("test.toml:2:")));
    EXPECT_THAT(errors("mode = \"\xff\""), ElementsAre(HasSubstr("not valid TOML: ")));
}

TEST(ConfigError, AQuoteThatMayBeMissing) {
    const auto hints = HasSubstr("; is a quote missing? text stands in quotes, as in mode = \"observe\"");
    for (const std::string text :
         {"mode = observe", "mode = observe # x", "mode = \"observe", "mode = 'observe\n[log]",
          "mode=observe\"", "[timeouts]\nclosing = \"1m\"\nfin_wait_2 = 5m",
          "[log]\r\naudit = /var/log/x\r\n", "[timeouts]\nfin_wait_2 = \"5m\nclosing = \"1m\""})
        EXPECT_THAT(errors(text), ElementsAre(AllOf(HasSubstr("not valid TOML: "), hints))) << text;
    for (const std::string text :
         {"mode = \"observe\"x", "mode = ", "mode = # x", "mode \"observe\"", "[limits\nflows = 1",
          "mode = \"a\\q\"", "mode = \"a\"\nmode = \"b\"", "[intercept]\nloopback = true x",
          "limits = { flows = 1", "[limits]\nflows = 1 2"})
        EXPECT_THAT(errors(text), ElementsAre(AllOf(HasSubstr("not valid TOML: "), Not(hints)))) << text;
}

TEST(ConfigError, AKeyInTheWrongPlaceIsToldWhereItBelongs) {
    EXPECT_THAT(errors("fin_wait_2 = \"5m\""),
                ElementsAre(AllOf(StartsWith("test.toml:1:1: fin_wait_2: found an unknown key; allowed: "),
                                  EndsWith("; it belongs under [timeouts]"))));
    EXPECT_THAT(errors("[limits]\nqueues = 1"), ElementsAre(EndsWith("; it belongs under [intercept]")));
    EXPECT_THAT(errors("[limits]\nmode = \"observe\""),
                ElementsAre(EndsWith("; it belongs at the top of the file, before the first [table]")));
    EXPECT_THAT(
        errors("[[policy]]\nname = \"web\"\nmatch = \"\"\nmode = \"observe\""),
        ElementsAre(EndsWith("before the first [table]; for one policy say on_expiry = \"observe\"")));
    EXPECT_THAT(errors("match = \"port 1\""), ElementsAre(EndsWith("; it belongs under [[policy]]")));
    EXPECT_THAT(errors(policy_with("match = \"\"\nflows = 7")), ElementsAre(EndsWith("under [limits]")));
}

TEST(ConfigError, AllAreReportedInTheOrderOfTheirPlaces) {
    EXPECT_THAT(
        errors("x = 1\n[timeouts]\nreset = 1\n[[policy]]\nname = \"a\"\nmatch = \"q\"\n[log]\nlevel = \"\"\n"
               "[control]\ngroup = \"\""),
        ElementsAre(StartsWith("test.toml:1:1: "), StartsWith("test.toml:3:9: "),
                    StartsWith("test.toml:6:10: "), StartsWith("test.toml:8:9: "),
                    StartsWith("test.toml:10:9: ")));
}

}  // namespace
}  // namespace finwait::config
