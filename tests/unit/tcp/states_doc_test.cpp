// docs/states.md is made from the table of transitions.
#include "support/document.hpp"
#include "tcp/transitions.hpp"

#include <sstream>

#include <gtest/gtest.h>

namespace finwait::tcp {
namespace {

/// Mermaid does not take a dash in a state's name.
std::string node(State s) {
    std::string text(name(s));
    for (char& c : text)
        if (c == '-') c = '_';
    return text;
}

std::string render() {
    std::ostringstream out;
    out << "# The states of one side\n\n"
           "Made from `src/tcp/transitions.cpp` by a test; names as `ss` spells them. A side moves by what "
           "it sends, and\n"
           "by acknowledgments that pass towards it. What is not listed changes nothing. Sections are RFC "
           "9293's where no\n"
           "other RFC is named.\n\n"
           "| state | what a segment proves | next state | why |\n|---|---|---|---|\n";
    for (const Transition& t : transitions())
        out << "| " << name(t.from) << " | " << meaning(t.event) << " | " << name(t.to) << " | " << t.reason
            << " |\n";
    out << "\n```mermaid\nstateDiagram-v2\n";
    for (const Transition& t : transitions())
        if (t.event != Event::reset)
            out << "    " << node(t.from) << " --> " << node(t.to) << ": " << name(t.event) << "\n";
    out << "```\n";
    return out.str();
}

TEST(Transitions, TheDocumentShowsTheTable) {
    finwait::testing::expect_document("states.md", render());
}

TEST(Transitions, EachPairOfStateAndEventHasOneEntryAtMost) {
    const auto all = transitions();
    for (std::size_t i = 0; i < all.size(); ++i)
        for (std::size_t j = i + 1; j < all.size(); ++j)
            EXPECT_FALSE(all[i].from == all[j].from && all[i].event == all[j].event) << name(all[i].from);
}

TEST(Transitions, EachEntryIsWhatNextStateAnswers) {
    for (const Transition& t : transitions())
        EXPECT_EQ(next_state(t.from, t.event), t.to);
}

TEST(Transitions, WhatIsNotInTheTableChangesNothing) {
    EXPECT_EQ(next_state(State::time_wait, Event::sent_fin), State::time_wait);
    EXPECT_EQ(next_state(State::fin_wait_1, Event::fin_acked_both), State::fin_wait_1);
}

}  // namespace
}  // namespace finwait::tcp
