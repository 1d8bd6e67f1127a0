#include "flow/table.hpp"

#include <algorithm>
#include <bit>

namespace finwait::flow {

namespace {

std::uint32_t tag_of(std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> 32U);
}

}  // namespace

Table::Table(std::uint32_t limit, HashKey secret)
    : limit_(limit), secret_(secret), mask_(std::bit_ceil(std::max<std::size_t>(limit, 8) * 4 / 3) - 1) {
    index_.resize(mask_ + 1);
    nodes_.reserve(limit);
}

std::uint32_t Table::find(const Key& key) const {
    const std::uint64_t h = hash(secret_, key);
    for (std::size_t i = home(h);; i = (i + 1) & mask_) {
        const Entry& entry = index_[i];
        if (entry.slot == kNoSlot) return kNoSlot;
        if (entry.tag == tag_of(h) && nodes_[entry.slot].record.key == key) return entry.slot;
    }
}

std::uint32_t Table::insert(const Key& key) {
    if (size_ == limit_) return kNoSlot;
    std::uint32_t slot = free_;
    if (slot != kNoSlot) {
        free_ = nodes_[slot].next;
    } else {
        slot = slots();
        nodes_.emplace_back();
    }
    occupy(slot, std::max(nodes_[slot].record.generation, begun_after_) + 1, key);
    return slot;
}

bool Table::insert_at(std::uint32_t slot, std::uint32_t generation, const Key& key) {
    if (slot < slots() || slot >= limit_ || find(key) != kNoSlot) return false;
    for (std::uint32_t gap = slots(); gap < slot; ++gap) {
        nodes_.emplace_back();
        nodes_[gap].next = free_;
        free_ = gap;
    }
    nodes_.emplace_back();
    occupy(slot, generation, key);
    return true;
}

void Table::begin_after(std::uint32_t generations) {
    begun_after_ = std::max(begun_after_, generations);
    generations_ = std::max(generations_, generations);
}

void Table::occupy(std::uint32_t slot, std::uint32_t generation, const Key& key) {
    Node& node = nodes_[slot];
    node = Node{};
    node.live = true;
    node.record.key = key;
    node.record.generation = generation;
    generations_ = std::max(generations_, generation);
    index_insert(hash(secret_, key), slot);
    ++size_;
}

void Table::erase(std::uint32_t slot) {
    Node& node = nodes_[slot];
    unlink(slot);
    index_erase(hash(secret_, node.record.key), slot);
    node.live = false;
    node.next = free_;
    free_ = slot;
    --size_;
}

void Table::index_insert(std::uint64_t h, std::uint32_t slot) {
    std::size_t i = home(h);
    while (index_[i].slot != kNoSlot)
        i = (i + 1) & mask_;
    index_[i] = {slot, tag_of(h)};
}

void Table::index_erase(std::uint64_t h, std::uint32_t slot) {
    std::size_t hole = home(h);
    while (index_[hole].slot != slot)
        hole = (hole + 1) & mask_;
    // Close the gap: an entry behind it may stand there only if its home does not lie behind the gap.
    for (std::size_t i = (hole + 1) & mask_; index_[i].slot != kNoSlot; i = (i + 1) & mask_) {
        const std::size_t wanted = home(hash(secret_, nodes_[index_[i].slot].record.key));
        if (((i - wanted) & mask_) < ((i - hole) & mask_)) continue;
        index_[hole] = index_[i];
        hole = i;
    }
    index_[hole] = Entry{};
}

void Table::shelve(std::uint32_t slot, Shelf shelf) {
    Node& node = nodes_[slot];
    if (node.shelf == shelf) return;
    unlink(slot);
    if (shelf == Shelf::none) return;
    List& list = shelves_[static_cast<std::size_t>(shelf)];
    node.shelf = shelf;
    node.previous = list.tail;
    node.next = kNoSlot;
    (list.tail == kNoSlot ? list.head : nodes_[list.tail].next) = slot;
    list.tail = slot;
}

void Table::unlink(std::uint32_t slot) {
    Node& node = nodes_[slot];
    if (node.shelf == Shelf::none) return;
    List& list = shelves_[static_cast<std::size_t>(node.shelf)];
    (node.previous == kNoSlot ? list.head : nodes_[node.previous].next) = node.next;
    (node.next == kNoSlot ? list.tail : nodes_[node.next].previous) = node.previous;
    node.shelf = Shelf::none;
    node.next = node.previous = kNoSlot;
}

}  // namespace finwait::flow
