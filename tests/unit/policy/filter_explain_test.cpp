// Which parts of a filter hold for a flow, and which of them its answer rests on.
#include "policy/filter_support.hpp"

namespace finwait::policy {
namespace {

/// "+" holds, "-" does not, "!" decided.
std::string explained(std::string_view text) {
    std::string out;
    for (const Term& term : filter(text).explain(web_flow()))
        out += std::string(out.empty() ? "" : ", ") + (term.holds ? "+" : "-") + (term.decides ? "!" : "") +
               term.text;
    return out;
}

TEST(FilterExplanation, AnAndThatHoldsRestsOnAllAndAnOrOnThoseThatHold) {
    EXPECT_EQ(explained("server 10.0.0.0/8 and (port 443 or port 80)"),
              "+!server 10.0.0.0/8, +!port 443, -port 80");
}

TEST(FilterExplanation, AnAndThatFailsRestsOnWhatFails) {
    EXPECT_EQ(explained("server 10.0.0.0/8 port 80 closer client"),
              "+server 10.0.0.0/8, -!port 80, +closer client");
    EXPECT_EQ(explained("closer client and (port 80 or port 81)"), "+closer client, -!port 80, -!port 81");
}

TEST(FilterExplanation, BehindNotAPredicateKeepsItsOwnAnswer) {
    EXPECT_EQ(explained("not (port 80 or closer server) and not port 22"),
              "-!port 80, -!closer server, -!port 22");
    EXPECT_EQ(explained("port 443 and not not closer server"), "+port 443, -!closer server");
}

TEST(FilterExplanation, WhatDecidesBelowAPartThatDoesNotIsNotTold) {
    EXPECT_EQ(explained("(port 80 and closer client) or port 443"), "-port 80, +closer client, +!port 443");
}

TEST(FilterExplanation, APredicateOfAnotherValueIsOneTermThatHoldsWithItsNe) {
    EXPECT_EQ(explained("port ne 80 and closer ne client"), "+port ne 80, -!closer ne client");
}

TEST(FilterExplanation, TermsAreGivenAsTheyAreWritten) {
    EXPECT_EQ(explained("idle>1s  and\tage  <=  1d"), "+!idle>1s, +!age  <=  1d");
}

TEST(FilterExplanation, AnEmptyFilterHasNoTerms) {
    EXPECT_EQ(explained(" "), "");
}

}  // namespace
}  // namespace finwait::policy
