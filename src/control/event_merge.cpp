#include "control/event_merge.hpp"

#include <utility>

namespace finwait::control {

void EventMerge::begin_round() {
    for (Source& source : sources_)
        source.read_out = false;
}

std::optional<std::size_t> EventMerge::wants() const {
    for (std::size_t i = 0; i < sources_.size(); ++i)
        if (sources_[i].empty() && !sources_[i].read_out) return i;
    return std::nullopt;
}

void EventMerge::put(std::size_t i, observe::Excerpt excerpt) {
    Source& source = sources_[i];
    source.told = std::move(excerpt.told);
    source.taken = 0;
    source.cursor = excerpt.next;
    source.read_out = !excerpt.more;
    missed_ += excerpt.missed;
}

const observe::Told* EventMerge::next() {
    Source* earliest = nullptr;
    for (Source& source : sources_) {
        if (source.empty()) continue;
        if (earliest == nullptr || source.told[source.taken].when < earliest->told[earliest->taken].when)
            earliest = &source;
    }
    return earliest == nullptr ? nullptr : &earliest->told[earliest->taken++];
}

std::uint64_t EventMerge::take_missed() {
    return std::exchange(missed_, 0);
}

}  // namespace finwait::control
