#include "shard/translations.hpp"

#include <utility>

namespace finwait::shard {

Translations::Entry Translations::of(Instant now, engine::FlowId flow) {
    if (auto moved = old_.extract(flow)) set(flow, moved.mapped());
    const auto at = young_.find(flow);
    if (at == young_.end()) return {};
    if (at->second.state == State::none && now >= at->second.since + kNoneLasts) return {};
    return at->second;
}

void Translations::set(engine::FlowId flow, const Entry& entry) {
    old_.erase(flow);
    young_.insert_or_assign(flow, entry);
    if (young_.size() >= kHalf) old_ = std::exchange(young_, {});
}

void Translations::forget(engine::FlowId flow) {
    young_.erase(flow);
    old_.erase(flow);
}

}  // namespace finwait::shard
