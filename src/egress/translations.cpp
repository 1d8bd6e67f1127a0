#include "egress/translations.hpp"

#include <utility>

namespace finwait::egress {

Translations::Entry Translations::of(Instant now, engine::FlowId flow) {
    if (auto moved = old_.extract(flow)) set(flow, moved.mapped());
    const auto at = young_.find(flow);
    if (at == young_.end()) return {};
    if (at->second.state == State::none && now >= at->second.since + kNoneLasts) {
        Entry unknown;
        unknown.socket_found = at->second.socket_found;
        return unknown;
    }
    return at->second;
}

void Translations::set(engine::FlowId flow, const Entry& entry) {
    Entry kept = entry;
    for (const Half* half : {&young_, &old_})
        if (const auto at = half->find(flow); at != half->end()) kept.socket_found |= at->second.socket_found;
    old_.erase(flow);
    young_.insert_or_assign(flow, kept);
    if (young_.size() >= kHalf) old_ = std::exchange(young_, {});
}

void Translations::note_socket(Instant now, engine::FlowId flow) {
    Entry entry = of(now, flow);
    entry.socket_found = true;
    set(flow, entry);
}

void Translations::forget(engine::FlowId flow) {
    young_.erase(flow);
    old_.erase(flow);
}

}  // namespace finwait::egress
