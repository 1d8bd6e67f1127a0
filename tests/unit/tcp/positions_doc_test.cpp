// docs/positions.md is made from the table of what happens to a number.
#include "support/document.hpp"
#include "tcp/basis.hpp"

#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

namespace finwait::tcp {
namespace {

std::string render() {
    std::ostringstream out;
    out << "# How sure a number is\n\n"
           "Made from `src/tcp/basis.cpp` by a test. Of each side two numbers are kept, the end of what it "
           "has sent "
           "(SND.NXT)\n"
           "and what it has acknowledged (RCV.NXT), and of each how sure it is: *unknown*, *guessed* (made "
           "up, or "
           "overtaken),\n"
           "*stale* (segments may have passed unseen since), *heard*, or *proven* (a bound: its side has "
           "sent "
           "nothing beyond).\n"
           "An RST may leave only while all four are heard or proven. What is not listed changes nothing.\n\n"
           "| what happens | from | to |\n|---|---|---|\n";
    for (const BasisChange& c : basis_changes())
        out << "| " << meaning(c.event) << " | " << name(c.from) << " | " << name(c.to) << " |\n";
    return out.str();
}

TEST(Positions, TheDocumentShowsTheTable) {
    finwait::testing::expect_document("positions.md", render());
}

TEST(Positions, EachPairOfEventAndBasisHasOneEntryAtMostAndNextBasisAnswersIt) {
    const auto all = basis_changes();
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(next_basis(all[i].from, all[i].event), all[i].to);
        for (std::size_t j = i + 1; j < all.size(); ++j)
            EXPECT_FALSE(all[i].from == all[j].from && all[i].event == all[j].event) << meaning(all[i].event);
    }
}

TEST(Positions, NothingThatPassesUnseenMakesANumberSurer) {
    for (const NumberEvent event : {NumberEvent::gap, NumberEvent::gap_half_closed, NumberEvent::gap_reported,
                                    NumberEvent::reported, NumberEvent::advanced, NumberEvent::peer_advanced})
        for (std::size_t b = 0; b < kBasisCount; ++b)
            EXPECT_LE(next_basis(static_cast<Basis>(b), event),
                      std::max(static_cast<Basis>(b), Basis::guessed))
                << meaning(event);
}

}  // namespace
}  // namespace finwait::tcp
