#include "flow/sources.hpp"

#include <algorithm>
#include <cassert>

namespace finwait::flow {

std::uint32_t Sources::Lines::find_or_add(const Key& key) {
    const std::uint64_t hashed = hash(secret_, key);
    const std::uint32_t found =
        index_.find(hashed, [&](std::uint32_t number) { return lines_[number].key == key; });
    if (found != Index::kSlots) return found;
    const std::uint32_t number = lines_.take();
    lines_[number] = Line{.key = key};
    index_.insert(hashed, number);
    return number;
}

void Sources::Lines::remove(std::uint32_t number) {
    const auto hash_of = [this](std::uint32_t any) { return hash(secret_, lines_[any].key); };
    index_.erase(hash_of(number), number, hash_of);
    lines_.give_back(number);
}

Sources::Book::Book(std::uint32_t limit, HashKey secret, std::pmr::memory_resource& memory)
    : sources(limit, secret, memory), pairs(limit, secret, memory), places(&memory) {
    places.reserve(limit);
}

void Sources::prepare() {
    if (!book_) book_.emplace(limit_, secret_, *memory_);
}

void Sources::clear() {
    if (!book_) return;
    for (std::uint32_t slot = 0; slot < book_->places.size(); ++slot)
        remove(slot);
}

void Sources::add(std::uint32_t slot, const tcp::Address& source, const tcp::Address& peer) {
    assert(prepared());
    if (has(slot)) return;
    // Slots come into use in ascending order: memory is touched only as the table fills.
    if (slot >= book_->places.size()) book_->places.resize(slot + 1);
    const std::uint32_t pair = book_->pairs.find_or_add(Key{{source, 0}, {peer, 0}});
    Line& line = book_->pairs[pair];
    if (line.flows == 0) {
        line.source = book_->sources.find_or_add(Key{{source, 0}, {}});
        ++book_->sources[line.source].peers;
    }
    ++line.flows;
    ++book_->sources[line.source].flows;
    append(slot, pair);
}

void Sources::append(std::uint32_t slot, std::uint32_t pair) {
    Line& line = book_->pairs[pair];
    book_->places[slot] = Place{pair, line.tail, kNone};
    (line.tail == kNone ? line.head : book_->places[line.tail].next) = slot;
    line.tail = slot;
}

void Sources::unlink(std::uint32_t slot) {
    Place& place = book_->places[slot];
    Line& line = book_->pairs[place.pair];
    (place.previous == kNone ? line.head : book_->places[place.previous].next) = place.next;
    (place.next == kNone ? line.tail : book_->places[place.next].previous) = place.previous;
    place = Place{};
}

void Sources::progress(std::uint32_t slot) {
    if (!has(slot)) return;
    const std::uint32_t pair = book_->places[slot].pair;
    if (book_->pairs[pair].tail == slot) return;
    unlink(slot);
    append(slot, pair);
}

void Sources::remove(std::uint32_t slot) {
    if (!has(slot)) return;
    const std::uint32_t pair = book_->places[slot].pair;
    unlink(slot);
    Line& line = book_->pairs[pair];
    Line& source = book_->sources[line.source];
    --source.flows;
    if (--line.flows > 0) return;
    --source.peers;
    if (source.flows == 0) book_->sources.remove(line.source);
    book_->pairs.remove(pair);
}

bool Sources::too_many(std::uint32_t slot, std::uint32_t limit) const {
    assert(has(slot));
    const Line& line = book_->pairs[book_->places[slot].pair];
    const Line& source = book_->sources[line.source];
    return source.flows > limit && line.flows > std::max(limit / source.peers, 1U);
}

std::uint32_t Sources::longest_idle(std::uint32_t slot) const {
    assert(has(slot));
    return book_->pairs[book_->places[slot].pair].head;
}

std::size_t Sources::sources() const {
    return book_ ? book_->sources.used() : 0;
}

}  // namespace finwait::flow
