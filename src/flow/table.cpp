#include "flow/table.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace finwait::flow {

namespace {

std::uint32_t v4_word(const tcp::Address& address) {
    std::uint32_t word = 0;
    std::memcpy(&word, address.v4_bytes().data(), sizeof word);
    return word;
}

tcp::Address v4_address(std::uint32_t word) {
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &word, sizeof word);
    return tcp::Address::v4(bytes);
}

/// Lines of a record that every segment touches: key, connection and times.
constexpr std::size_t kHotLines = 4;
/// How many flows ahead of being put to rest are brought into the cache again.
constexpr std::uint32_t kAhead = 8;

}  // namespace

Table::Table(std::uint32_t limit, HashKey secret, std::uint32_t awake, std::pmr::memory_resource& memory)
    : limit_(limit),
      awake_(awake),
      secret_(secret),
      index_(limit, memory),
      nodes_(&memory),
      records_(limit, memory),
      numbers_(limit, memory),
      addresses_(limit, memory) {
    nodes_.reserve(limit);
    laid_down_.reserve(awake);
}

std::uint32_t Table::find(const Key& key, std::uint64_t hash) const {
    const std::uint32_t slot =
        index_.find(hash, [&](std::uint32_t candidate) { return has_key(nodes_[candidate], key); });
    return slot == Index::kSlots ? kNoSlot : slot;
}

std::uint32_t Table::prefetch_node(std::uint64_t hash) const {
    const std::uint32_t slot = index_.guess(hash);
    if (slot == Index::kSlots) return kNoSlot;
    __builtin_prefetch(&nodes_[slot]);
    return slot;
}

void Table::prefetch_record(std::uint32_t slot) const {
    const Node& node = nodes_[slot];
    if (!node.v4) __builtin_prefetch(&addresses_[node.address[0]]);
    if (node.use == Use::full) {
        const auto* const record = reinterpret_cast<const char*>(&records_[node.full.record]);
        for (std::size_t line = 0; line < kHotLines; ++line)
            __builtin_prefetch(record + line * 64);
    } else if (node.use == Use::at_rest && node.compact.numbers != kNoNumbers) {
        const Numbers& numbers = numbers_[node.compact.numbers];
        __builtin_prefetch(&numbers);
        __builtin_prefetch(reinterpret_cast<const char*>(&numbers + 1) - 1);  // it may end in the next line
    }
}

std::uint32_t Table::insert(const Key& key) {
    if (size_ == limit_) return kNoSlot;
    std::uint32_t slot = free_;
    if (slot != kNoSlot) {
        free_ = nodes_[slot].next_free;
    } else {
        slot = slots();
        nodes_.emplace_back();
    }
    occupy(slot, std::max(nodes_[slot].generation, begun_after_) + 1, key);
    return slot;
}

bool Table::insert_at(std::uint32_t slot, std::uint32_t generation, const Key& key) {
    if (slot < slots() || slot >= limit_ || find(key) != kNoSlot) return false;
    for (std::uint32_t gap = slots(); gap < slot; ++gap) {
        nodes_.emplace_back();
        nodes_[gap].next_free = free_;
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
    name(node, key);
    node.generation = generation;
    node.use = Use::full;
    node.shelf = Shelf::none;
    node.full = {records_.take(), kNoSlot, kNoSlot};
    Record& record = records_[node.full.record];
    record = Record{};
    record.key = key;
    record.generation = generation;
    generations_ = std::max(generations_, generation);
    index_.insert(hash(secret_, key), slot);
    ++size_;
}

void Table::erase(std::uint32_t slot) {
    Node& node = nodes_[slot];
    unlink(slot);
    index_.erase(hash_of(slot), slot, [this](std::uint32_t other) { return hash_of(other); });
    if (node.use == Use::full) records_.give_back(node.full.record);
    if (node.use == Use::at_rest && node.compact.numbers != kNoNumbers)
        numbers_.give_back(node.compact.numbers);
    if (!node.v4) addresses_.give_back(node.address[0]);
    node.use = Use::none;
    node.next_free = free_;
    free_ = slot;
    --size_;
}

Record& Table::operator[](std::uint32_t slot) {
    Node& node = nodes_[slot];
    assert(node.use != Use::none);
    if (node.use == Use::at_rest) stand_up(node);
    return records_[node.full.record];
}

Record Table::look(std::uint32_t slot) const {
    const Node& node = nodes_[slot];
    if (node.use == Use::full) return records_[node.full.record];
    Record record;
    expand_node(node, record);
    return record;
}

const Record& Table::look(std::uint32_t slot, Record& room) const {
    const Node& node = nodes_[slot];
    if (node.use == Use::full) return records_[node.full.record];
    expand_node(node, room);
    return room;
}

void Table::stand_up(Node& node) {
    const std::uint32_t number = records_.take();
    expand_node(node, records_[number]);
    if (node.compact.numbers != kNoNumbers) numbers_.give_back(node.compact.numbers);
    node.use = Use::full;
    node.full = {number, kNoSlot, kNoSlot};
}

void Table::lay_down(std::uint32_t slot) {
    Node& node = nodes_[slot];
    if (node.waits || node.shelf != Shelf::none) return;
    if (awake_ == 0) return put_to_rest(node);
    node.waits = true;
    if (laid_down_.size() < awake_) return laid_down_.push_back(slot);
    const std::uint32_t oldest = std::exchange(laid_down_[laid_down_next_], slot);
    laid_down_next_ = (laid_down_next_ + 1) % awake_;
    nodes_[oldest].waits = false;
    prefetch_record(laid_down_[(laid_down_next_ + kAhead) % awake_]);
    __builtin_prefetch(&nodes_[laid_down_[(laid_down_next_ + 2 * kAhead) % awake_]]);
    put_to_rest(nodes_[oldest]);
}

void Table::put_to_rest(Node& node) {
    if (node.use != Use::full || node.shelf != Shelf::none) return;
    const std::uint32_t number = node.full.record;
    const Record& record = records_[number];
    if (!at_rest(record)) return;
    std::uint32_t kept = kNoNumbers;
    if (has_numbers(record)) {
        kept = numbers_.take();
        numbers_[kept] = numbers(record);
    }
    node.policy = record.policy;
    node.compact = compact(record, kept);
    node.use = Use::at_rest;
    records_.give_back(number);
}

void Table::expand_node(const Node& node, Record& record) const {
    const std::uint32_t number = node.compact.numbers;
    expand(node.compact, number == kNoNumbers ? nullptr : &numbers_[number], record);
    record.key = key_of(node);
    record.generation = node.generation;
    record.policy = node.policy;
}

void Table::name(Node& node, const Key& key) {
    node.v4 = key.low.address.is_v4() && key.high.address.is_v4();
    node.port = {key.low.port, key.high.port};
    if (node.v4) {
        node.address = {v4_word(key.low.address), v4_word(key.high.address)};
    } else {
        node.address = {addresses_.take(), 0};
        addresses_[node.address[0]] = {key.low.address, key.high.address};
    }
}

Key Table::key_of(const Node& node) const {
    const AddressPair address = node.v4
                                    ? AddressPair{v4_address(node.address[0]), v4_address(node.address[1])}
                                    : addresses_[node.address[0]];
    return {{address[0], node.port[0]}, {address[1], node.port[1]}};
}

bool Table::has_key(const Node& node, const Key& key) const {
    if (node.port[0] != key.low.port || node.port[1] != key.high.port) return false;
    if (!node.v4) return addresses_[node.address[0]] == AddressPair{key.low.address, key.high.address};
    return key.low.address.is_v4() && key.high.address.is_v4() &&
           node.address[0] == v4_word(key.low.address) && node.address[1] == v4_word(key.high.address);
}

std::uint64_t Table::hash_of(std::uint32_t slot) const {
    return hash(secret_, key_of(nodes_[slot]));
}

void Table::shelve(std::uint32_t slot, Shelf shelf) {
    if (nodes_[slot].shelf == shelf) return;
    unlink(slot);
    if (shelf == Shelf::none) return;
    Node& node = nodes_[slot];
    if (node.use == Use::at_rest) stand_up(node);
    List& list = shelves_[static_cast<std::size_t>(shelf)];
    node.shelf = shelf;
    ++shelved_;
    node.full.previous = list.tail;
    node.full.next = kNoSlot;
    (list.tail == kNoSlot ? list.head : nodes_[list.tail].full.next) = slot;
    list.tail = slot;
}

void Table::unlink(std::uint32_t slot) {
    Node& node = nodes_[slot];
    if (node.shelf == Shelf::none) return;
    List& list = shelves_[static_cast<std::size_t>(node.shelf)];
    Full& full = node.full;
    (full.previous == kNoSlot ? list.head : nodes_[full.previous].full.next) = full.next;
    (full.next == kNoSlot ? list.tail : nodes_[full.next].full.previous) = full.previous;
    node.shelf = Shelf::none;
    --shelved_;
    full.next = full.previous = kNoSlot;
}

}  // namespace finwait::flow
