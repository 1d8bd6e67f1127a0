// Segments whose names only a search through the whole of conntrack's table finds.
#include "egress/machine.hpp"

#include <algorithm>
#include <cassert>

namespace finwait::egress {

Machine::Actions Machine::scan() {
    return ask(Step::scan_table, ScanTable{job_.order.segment.source, job_.order.segment.destination});
}

/// The flow is held meanwhile. For this there has been memory from the start.
Machine::Actions Machine::park(Instant now) {
    if (waiting_.size() >= kMostWaiting) return give_up();
    waiting_.push_back({job_.order, now});
    step_ = Step::parked;
    actions_.assign(1, engine::Held{job_.order.flow});
    return actions_;
}

/// Those that wait for the next search stay, in their order.
Machine::Actions Machine::release(Instant, const Wanted& found, bool failed) {
    assert(!asks());
    while (released_ < waiting_.size()) {
        const Waiting& waiting = waiting_[released_++];
        const tcp::Segment& segment = waiting.order.segment;
        const auto at = found.find(std::minmax(segment.source, segment.destination));
        if (at == found.end()) {
            waiting_[left_++] = waiting;
            continue;
        }
        job_.order = waiting.order;
        job_.waited = waiting.since;
        scanned_ = failed ? nullptr : &at->second;
        return ask(Step::let_go, engine::LetGo{job_.order.flow, waiting.since});
    }
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(left_), waiting_.end());
    released_ = left_ = 0;
    if (failed) note(Problem::names_unknown);
    return finish();
}

/// A reset is exact and harmless as long as nothing has passed since it was made.
Machine::Actions Machine::let_go(Instant now, bool holds) {
    const engine::FlowId flow = job_.order.flow;
    const Translations::Entry before = known_.of(now, flow);
    if (scanned_ == nullptr || before.state == State::unknown) {
        known_.forget(flow);
        return give_up();
    }
    job_.names = outcome(now, before, *scanned_);
    known_.set(flow, job_.names);
    if (job_.order.segment.any(tcp::flag::rst) && !holds) return give_up();
    return job_.names.state == State::found ? check(job_.names.translation) : transmit();
}

/// What is known of a flow after a search.
Translations::Entry Machine::outcome(Instant now, const Translations::Entry& before,
                                     const std::optional<flow::Translation>& found) {
    if (before.state == State::found) return before;  // by an earlier segment of the same search
    if (before.state != State::checked)
        return {found ? State::found : State::none, now, found.value_or(flow::Translation())};
    Translations::Entry entry{State::found, now, before.translation};
    entry.translation.shared = found && (found->shared || found->entry != before.translation.entry);
    return entry;
}

}  // namespace finwait::egress
