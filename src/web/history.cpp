#include "web/history.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <iterator>

namespace finwait::web {

History::Counts History::counts_of(const engine::Counters& counters) {
    return {counters.probes_sent, counters.resets_confirmed, counters.resets_unconfirmed,
            counters.resets_refused};
}

void History::add(const engine::Counters& counters) {
    const Counts now = counts_of(counters);
    if (begun_) {
        Counts& step = steps_[added_++ % kSteps];
        std::ranges::transform(now, last_, step.begin(), std::minus<>());
    }
    begun_ = true;
    last_ = now;
}

std::string History::json(const engine::Counters& now) const {
    std::string out = fmt::format(R"({{"step_s":{},"steps":[)", kStep.count());
    const auto append = [&out](const Counts& step) {
        fmt::format_to(std::back_inserter(out), "{}[{},{},{},{}]", out.back() == '[' ? "" : ",", step[0],
                       step[1], step[2], step[3]);
    };
    for (std::size_t i = added_ - std::min(added_, kSteps - 1); i < added_; ++i)
        append(steps_[i % kSteps]);
    Counts current{};
    if (begun_) std::ranges::transform(counts_of(now), last_, current.begin(), std::minus<>());
    append(current);
    return out + "]}";
}

}  // namespace finwait::web
