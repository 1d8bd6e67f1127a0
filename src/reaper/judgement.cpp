#include "reaper/judgement.hpp"

#include <array>

namespace finwait::reaper {

namespace {

using enum flow::Evidence;
using enum Act;

constexpr auto kJudgements = std::to_array<Judgement>({
    {unknown, unknown, wait, "neither side has been heard yet"},
    {unknown, alive, wait, "the closer has not been heard yet"},
    {unknown, orphan, wait, "the closer has not been heard yet"},
    {unknown, gone, reset_closer, "the holder's connection no longer exists: it will never close"},
    {unknown, silent, wait, "the closer has not been heard yet"},
    {unknown, unreachable, wait, "the closer has not been heard yet"},

    {alive, unknown, wait, "the holder has not been heard yet"},
    {alive, alive, leave, "both sides are there: a legitimate half-close"},
    {alive, orphan, leave, "both sides are there: a legitimate half-close"},
    {alive, gone, reset_closer, "the holder's connection no longer exists: it will never close"},
    {alive, silent, reset_both, "the holder has not answered any attempt: its host or its path is gone"},
    {alive, unreachable, leave,
     "the network reports that the holder cannot be reached: perhaps only for now"},

    {orphan, unknown, reset_both,
     "the closer's application has closed both ways: nobody reads what the holder sends"},
    {orphan, alive, reset_both,
     "the closer's application has closed both ways: nobody reads what the holder sends"},
    {orphan, orphan, reset_both,
     "the closer's application has closed both ways: nobody reads what the holder sends"},
    {orphan, gone, reset_closer,
     "the holder's connection no longer exists, and the closer's application has let go"},
    {orphan, silent, reset_both,
     "the closer's application has closed both ways, and the holder does not answer"},
    {orphan, unreachable, reset_both,
     "the closer's application has closed both ways, and the holder cannot be reached"},

    {gone, unknown, reset_holder,
     "the closer's connection no longer exists: nobody reads what the holder sends"},
    {gone, alive, reset_holder,
     "the closer's connection no longer exists: nobody reads what the holder sends"},
    {gone, orphan, reset_holder,
     "the closer's connection no longer exists: nobody reads what the holder sends"},
    {gone, gone, forget, "neither side's connection exists any more"},
    {gone, silent, reset_holder, "the closer's connection no longer exists, and the holder does not answer"},
    {gone, unreachable, reset_holder,
     "the closer's connection no longer exists, and the holder cannot be reached"},

    {silent, unknown, wait, "the holder has not been heard yet"},
    {silent, alive, reset_both, "the closer has not answered any attempt: its host or its path is gone"},
    {silent, orphan, reset_both, "the closer has not answered any attempt: its host or its path is gone"},
    {silent, gone, reset_closer, "the holder's connection no longer exists, and the closer does not answer"},
    {silent, silent, reset_both, "neither side has answered any attempt"},
    {silent, unreachable, leave,
     "the network reports that the holder cannot be reached: perhaps only for now"},

    {unreachable, unknown, wait, "the holder has not been heard yet"},
    {unreachable, alive, leave,
     "the network reports that the closer cannot be reached: perhaps only for now"},
    {unreachable, orphan, leave,
     "the network reports that the closer cannot be reached: perhaps only for now"},
    {unreachable, gone, reset_closer,
     "the holder's connection no longer exists, and the closer cannot be reached"},
    {unreachable, silent, leave,
     "the network reports that the closer cannot be reached: perhaps only for now"},
    {unreachable, unreachable, leave,
     "the network reports that neither side can be reached: perhaps only for now"},
});

constexpr auto kByEvidence = [] {
    std::array<std::array<std::uint8_t, flow::kEvidenceCount>, flow::kEvidenceCount> index{};
    for (std::size_t i = 0; i < kJudgements.size(); ++i)
        index[static_cast<std::size_t>(kJudgements[i].closer)]
             [static_cast<std::size_t>(kJudgements[i].holder)] = static_cast<std::uint8_t>(i);
    return index;
}();

static_assert(kJudgements.size() == flow::kEvidenceCount * flow::kEvidenceCount);

}  // namespace

std::span<const Judgement> judgements() {
    return kJudgements;
}

const Judgement& judge(flow::Evidence closer, flow::Evidence holder) {
    return kJudgements[kByEvidence[static_cast<std::size_t>(closer)][static_cast<std::size_t>(holder)]];
}

std::string_view name(Act a) {
    switch (a) {
        case wait: return "wait";
        case leave: return "leave, ask again later";
        case reset_closer: return "reset the closer";
        case reset_holder: return "reset the holder";
        case reset_both: return "reset both";
        case forget: return "forget";
    }
    return "wait";
}

}  // namespace finwait::reaper
