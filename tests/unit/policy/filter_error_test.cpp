#include "policy/filter.hpp"
#include "policy/filter_support.hpp"
#include "policy/words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finwait::policy {
namespace {

using testing::AllOf;
using testing::Field;
using testing::HasSubstr;
using testing::Not;

auto at(std::size_t column, std::string_view message) {
    return AllOf(Field("column", &FilterError::column, column),
                 Field("message", &FilterError::message, HasSubstr(std::string(message))));
}

TEST(FilterError, NamesTheColumnTheWordAndTheOneThatWasMeant) {
    EXPECT_THAT(
        error_of("port 443 and sate fin-wait-2"),
        at(14,
           "found \"sate\"; allowed: state, client-state, server-state, closer, client, server, host, port, "
           "client-port, idle, age, policy, phase, not, (; did you mean \"state\"?"));
    EXPECT_THAT(
        error_of("state fin-wait2"),
        at(7,
           "found \"fin-wait2\"; allowed: a state (unknown, closed, listen, syn-sent, syn-recv, established, "
           "fin-wait-1, fin-wait-2, close-wait, closing, last-ack, time-wait); did you mean "
           "\"fin-wait-2\"?"));
    EXPECT_THAT(error_of("closer servre"), at(8, "allowed: client, server; did you mean \"server\"?"));
    EXPECT_THAT(error_of("phase PROBING"), at(7, "did you mean \"probing\"?"));
}

TEST(FilterError, SuggestsAndAndOrOnlyBetweenPredicates) {
    EXPECT_THAT(error_of("port 1 adn port 2"), at(8, "did you mean \"and\"?"));
    EXPECT_THAT(error_of("port 1 && port 2"), at(8, "not, (, and, or"));
    EXPECT_THAT(error_of("and port 1"), at(1, "not, ("));
    EXPECT_THAT(error_of("and port 1").message, Not(HasSubstr("did you mean")));
}

TEST(FilterError, SuggestsThePredicateOfAValueThatStandsAlone) {
    EXPECT_THAT(error_of("10.0.0.1"), at(1, "; did you mean \"host 10.0.0.1\"?"));
    EXPECT_THAT(error_of("2001:db8::/32 and port 80"), at(1, "did you mean \"host 2001:db8::/32\"?"));
    EXPECT_THAT(error_of("closer client fin-wait-2"), at(15, "did you mean \"state fin-wait-2\"?"));
    EXPECT_THAT(error_of("port 443 or 80"), at(13, "did you mean \"port 80\"?"));
    EXPECT_THAT(error_of("not probing"), at(5, "did you mean \"phase probing\"?"));
}

TEST(FilterError, SuggestsNothingForAWordThatIsFarFromAll) {
    EXPECT_THAT(error_of("zebra 5").message, Not(HasSubstr("did you mean")));
    EXPECT_THAT(error_of("or port 5").message, Not(HasSubstr("did you mean")));
}

TEST(FilterError, PointsPastTheEndWhenSomethingIsMissingThere) {
    EXPECT_THAT(error_of("state"), at(6, "found the end of the filter; allowed: a state"));
    EXPECT_THAT(error_of("port 443 and"), at(13, "found the end of the filter; allowed: state, "));
    EXPECT_THAT(error_of("port 443 or "), at(13, "found the end of the filter"));
    EXPECT_THAT(error_of("not"), at(4, "found the end of the filter"));
    EXPECT_THAT(error_of("idle >"), at(7, "found the end of the filter; allowed: a duration"));
}

TEST(FilterError, SaysWhereASignHasGoneThatAShellHasTaken) {
    EXPECT_THAT(
        error_of("state fin-wait-2 and idle"),
        at(26, "allowed: >, >=, <, <=, gt, ge, lt, le (a shell takes > and < unless they are quoted)"));
    EXPECT_THAT(error_of("idle 1m").message, Not(HasSubstr("shell")));
}

TEST(FilterError, NamesTheParenthesisThatIsOpenOrTooMuch) {
    EXPECT_THAT(error_of("port 1 and (port 2"), at(19, "allowed: \")\" to close the \"(\" at column 12"));
    EXPECT_THAT(error_of("(port 1))"), at(9, "found \")\" that closes nothing"));
    EXPECT_THAT(error_of("()"), at(2, "found \")\"; allowed: state, "));
}

TEST(FilterError, NamesWhatEachOperandMustBe) {
    EXPECT_THAT(error_of("port http"), at(6, "found \"http\"; allowed: a port number (0 to 65535)"));
    EXPECT_THAT(error_of("port 65536"), at(6, "a port number"));
    EXPECT_THAT(error_of("client-port -1"), at(13, "a port number"));
    EXPECT_THAT(error_of("client 10.0.0.0/33"),
                at(8, "found \"10.0.0.0/33\"; allowed: an address or a network such as"));
    EXPECT_THAT(error_of("idle 30s"), at(6, "found \"30s\"; allowed: >, >=, <, <="));
    EXPECT_THAT(error_of("idle == 30s"), at(6, "found \"==\"; allowed: >, >=, <, <="));
    EXPECT_THAT(error_of("idle eq 30s"), at(6, "found \"eq\"; allowed: >, >=, <, <=, gt, ge, lt, le"));
    EXPECT_THAT(error_of("port ne http"), at(9, "found \"http\"; allowed: a port number"));
    EXPECT_THAT(error_of("age > 30"), at(7, "found \"30\"; allowed: a duration such as 30s"));
    EXPECT_THAT(error_of("idle > off"), at(8, "found \"off\"; allowed: a duration"));
    EXPECT_THAT(error_of("policy a/b"), at(8, "found \"a/b\"; allowed: a policy's name"));
}

TEST(FilterError, RefusesThePolicyInAPolicysOwnMatch) {
    EXPECT_THAT(error_of("port 1 and policy web", Purpose::policy_match),
                at(12, "found \"policy\"; allowed in a policy's"));
    EXPECT_THAT(error_of("port 1 and policy web"), at(0, "no error"));
}

TEST(FilterError, CutsAndEscapesWhatItQuotes) {
    EXPECT_THAT(error_of("\x1b[2J"), at(1, "found \"\\x1b[2J\""));
    EXPECT_THAT(error_of(std::string(1000, 'x')), at(1, "found \"" + std::string(60, 'x') + "...\";"));
    EXPECT_THAT(error_of(std::string_view("port 1 \0 port", 13)), at(8, "found \"\\x00\""));
}

TEST(FilterError, IsPointedAtByCharactersWhateverStandsBeforeIt) {
    EXPECT_EQ(pointed_at("port 80 adn", 9), "  port 80 adn\n          ^");
    EXPECT_EQ(pointed_at("state", 6), "  state\n       ^") << "past the end";
    EXPECT_EQ(pointed_at("\tport\nx\x1b", 7), "   port x \n        ^");
    EXPECT_EQ(pointed_at("\u00e4\u20ac x", 7), "  \u00e4\u20ac x\n     ^") << "UTF-8 of five bytes";
}

TEST(FilterError, OfALongTextOnlyWhatStandsAroundItIsShown) {
    const std::string text = std::string(2000, 'a') + "X" + std::string(2000, 'b');
    EXPECT_EQ(pointed_at(text, 2001), "  ..." + std::string(35, 'a') + "X" + std::string(34, 'b') + "...\n" +
                                          std::string(40, ' ') + "^");
    EXPECT_EQ(pointed_at(text, 1), "  " + std::string(70, 'a') + "...\n  ^");
    EXPECT_EQ(pointed_at(text, 4002), "  ..." + std::string(70, 'b') + "\n" + std::string(75, ' ') + "^");
    std::string euros;
    for (int i = 0; i < 100; ++i)
        euros += "\u20ac";
    EXPECT_EQ(pointed_at(euros + "x", 301),
              "  ..." + euros.substr(0, 69 * 3) + "x\n" + std::string(74, ' ') + "^")
        << "a column is a character, not a byte";
    EXPECT_EQ(pointed_at(std::string(70, 'a'), 60),
              "  " + std::string(70, 'a') + "\n" + std::string(61, ' ') + "^");
}

TEST(FilterError, StopsAtTheDepthLimit) {
    const auto nested = [](std::size_t levels, std::string_view open, std::string_view close) {
        std::string text;
        for (std::size_t i = 0; i < levels; ++i)
            text += open;
        text += "port 1";
        for (std::size_t i = 0; i < levels; ++i)
            text += close;
        return text;
    };
    EXPECT_THAT(error_of(nested(64, "(", ")")), at(0, "no error"));
    EXPECT_THAT(error_of(nested(65, "(", ")")), at(65, "nested too deep; allowed: at most 64 levels"));
    EXPECT_THAT(error_of(nested(64, "not ", "")), at(0, "no error"));
    EXPECT_THAT(error_of(nested(65, "not ", "")), at(257, "nested too deep"));
    EXPECT_THAT(error_of(nested(800, "not (", "")), at(161, "nested too deep; allowed"))
        << "longer than any tree, shorter than the length limit";
}

TEST(FilterError, StopsAtTheLengthLimit) {
    EXPECT_THAT(error_of("port 1" + std::string(4090, ' ')), at(0, "no error"));
    EXPECT_THAT(error_of("port 1" + std::string(4091, ' ')),
                at(4097, "found a filter of 4097 bytes; allowed: at most 4096"));
}

}  // namespace
}  // namespace finwait::policy
