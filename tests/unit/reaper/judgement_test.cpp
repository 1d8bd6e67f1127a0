#include "reaper/judgement.hpp"

#include "support/document.hpp"

#include <sstream>

#include <gtest/gtest.h>

namespace finwait::reaper {
namespace {

using enum flow::Evidence;

TEST(Judgement, EveryPairOfEvidenceHasOneEntryWithAReason) {
    for (std::size_t closer = 0; closer < flow::kEvidenceCount; ++closer) {
        for (std::size_t holder = 0; holder < flow::kEvidenceCount; ++holder) {
            const Judgement& j =
                judge(static_cast<flow::Evidence>(closer), static_cast<flow::Evidence>(holder));
            EXPECT_EQ(j.closer, static_cast<flow::Evidence>(closer));
            EXPECT_EQ(j.holder, static_cast<flow::Evidence>(holder));
            EXPECT_FALSE(j.reason.empty());
        }
    }
}

TEST(Judgement, TwoLivingSidesAreLeftAlone) {
    EXPECT_EQ(judge(alive, alive).act, Act::leave);
}

TEST(Judgement, NothingIsEndedOnTheSilenceOfOneSideAlone) {
    EXPECT_EQ(judge(silent, unknown).act, Act::wait);
    EXPECT_EQ(judge(unknown, silent).act, Act::wait);
}

TEST(Judgement, NothingIsEndedBecauseASideCannotBeReached) {
    for (const flow::Evidence other : {alive, silent, unreachable}) {
        EXPECT_EQ(judge(unreachable, other).act, Act::leave);
        EXPECT_EQ(judge(other, unreachable).act, Act::leave);
    }
    EXPECT_EQ(judge(unknown, unreachable).act, Act::wait);
    EXPECT_EQ(judge(unreachable, unknown).act, Act::wait);
    EXPECT_EQ(judge(orphan, unreachable).act, Act::reset_both);
    EXPECT_EQ(judge(gone, unreachable).act, Act::reset_holder);
    EXPECT_EQ(judge(unreachable, gone).act, Act::reset_closer);
}

TEST(Judgement, NoSideThatIsGoneIsReset) {
    for (const Judgement& j : judgements()) {
        const bool closer_is_reset = j.act == Act::reset_closer || j.act == Act::reset_both;
        const bool holder_is_reset = j.act == Act::reset_holder || j.act == Act::reset_both;
        EXPECT_FALSE(j.closer == gone && closer_is_reset) << j.reason;
        EXPECT_FALSE(j.holder == gone && holder_is_reset) << j.reason;
    }
}

TEST(Judgement, TheDocumentShowsTheTable) {
    std::ostringstream out;
    out << "# What the evidence decides\n\n"
           "Made from `src/reaper/judgement.cpp` by a test. A half-closed flow whose time is up is asked on "
           "both sides; an\n"
           "answer that is still out is `unknown`. `orphan` is a closer whose application has closed both "
           "ways.\n"
           "`unreachable` is a side that has not answered any attempt, while ICMP errors said that it cannot "
           "be reached:\nthat is no proof, for paths come back (RFC 1122 section 4.2.3.9).\n\n"
           "| closer (FIN_WAIT_2) | holder (CLOSE_WAIT) | what is done | why |\n|---|---|---|---|\n";
    for (const Judgement& j : judgements())
        out << "| " << name(j.closer) << " | " << name(j.holder) << " | " << name(j.act) << " | " << j.reason
            << " |\n";
    out << "\nWhat is left and makes no progress for `alive_max` is reset, on both sides where one cannot be "
           "reached. Flows\n"
           "that are signed (MD5, AO), use several subflows (MPTCP), or were adopted and never proven are "
           "never asked nor\nreset.\n\n"
           "- `orphan` needs two answers with IPv4 id 0 at least 500 ms apart, with no other id in between, "
           "from a closer\n  whose ids counted before. One alone is `alive`: a socket's counter passes 0 "
           "once in 65536 packets. A closer that\n  answered once with id 0 is asked once more before the "
           "flow is left.\n"
           "- A side that has answered in the same inquiry is not `silent`, whatever it does not answer "
           "after that.\n"
           "- No timeout (`alive_max`, `fin_wait_2_max`, `on_expiry = \"reset\"`) ends a flow while data may "
           "wait "
           "at the holder:\n  while the closer's window is 0 or not known, for 30 seconds after it has "
           "opened (two "
           "minutes where it takes less\n  than a full segment) unless data moves again, and while data is "
           "in "
           "flight. Evidence ends such a flow, and so does\n  an operator's kill.\n"
           "- A FIN that only conntrack has reported ends nothing while both sides answer. finwaitd asks "
           "both, withdraws the\n  claim that the flow is half-closed, and asks again 15 minutes later.\n";
    finwait::testing::expect_document("decisions.md", out.str());
}

}  // namespace
}  // namespace finwait::reaper
