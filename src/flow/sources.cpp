#include "flow/sources.hpp"

#include "flow/table.hpp"

namespace finwait::flow {

std::size_t Sources::Hash::operator()(const tcp::Address& address) const {
    return hash(secret, Key{{address, 0}, {}});
}

std::uint32_t Sources::add(std::uint32_t slot, const tcp::Address& source) {
    Line& line = by_address_.try_emplace(source, Line{kNoSlot, kNoSlot}).first->second;
    const bool added = places_.try_emplace(slot, Place{source, line.tail, kNoSlot}).second;
    if (!added) return line.count;
    (line.tail == kNoSlot ? line.head : places_.find(line.tail)->second.next) = slot;
    line.tail = slot;
    return ++line.count;
}

void Sources::remove(std::uint32_t slot) {
    const auto found = places_.find(slot);
    if (found == places_.end()) return;
    const Place place = found->second;
    places_.erase(found);
    const auto at = by_address_.find(place.source);
    Line& line = at->second;
    (place.previous == kNoSlot ? line.head : places_.find(place.previous)->second.next) = place.next;
    (place.next == kNoSlot ? line.tail : places_.find(place.next)->second.previous) = place.previous;
    if (--line.count == 0) by_address_.erase(at);
}

std::uint32_t Sources::oldest(const tcp::Address& source) const {
    return by_address_.find(source)->second.head;
}

void Sources::clear() {
    by_address_.clear();
    places_.clear();
}

}  // namespace finwait::flow
