// The flows of one shard: a slab of records and an open-addressing index of keyed hashes. Bounded; memory is
// reserved at the start and touched only as it fills. Two shelves keep the flows that may be given up first,
// oldest in front.
#pragma once

#include "flow/record.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace finwait::flow {

inline constexpr std::uint32_t kNoSlot = UINT32_MAX;

/// Flows that make room for new ones when the table is full.
enum class Shelf : std::uint8_t { none, finished, provisional };

class Table {
  public:
    /// `limit` records at most, 1 to 2^24 - 1.
    Table(std::uint32_t limit, HashKey secret);

    [[nodiscard]] std::uint32_t find(const Key& key) const;
    /// A fresh record for a key that is not in the table; kNoSlot when the table is full.
    [[nodiscard]] std::uint32_t insert(const Key& key);
    /// A fresh record with the name that it had before a restart. Slots come in ascending order and below the
    /// limit, keys only once: otherwise false.
    [[nodiscard]] bool insert_at(std::uint32_t slot, std::uint32_t generation, const Key& key);
    void erase(std::uint32_t slot);

    /// How often any one slot has been used at most.
    [[nodiscard]] std::uint32_t generations() const { return generations_; }
    /// Slots are used from this generation on, so that no name of before a restart is given again.
    void begin_after(std::uint32_t generations);

    [[nodiscard]] Record& operator[](std::uint32_t slot) { return nodes_[slot].record; }
    [[nodiscard]] const Record& operator[](std::uint32_t slot) const { return nodes_[slot].record; }
    [[nodiscard]] bool live(std::uint32_t slot) const { return slot < nodes_.size() && nodes_[slot].live; }

    [[nodiscard]] std::uint32_t size() const { return size_; }
    [[nodiscard]] std::uint32_t limit() const { return limit_; }
    /// Slots ever used: where a walk over the table ends.
    [[nodiscard]] std::uint32_t slots() const { return static_cast<std::uint32_t>(nodes_.size()); }

    /// Puts a record at the end of a shelf; no-op when it stands there already.
    void shelve(std::uint32_t slot, Shelf shelf);
    /// The record that has stood on a shelf for longest; kNoSlot when it is empty.
    [[nodiscard]] std::uint32_t oldest(Shelf shelf) const {
        return shelves_[static_cast<std::size_t>(shelf)].head;
    }

  private:
    struct Node {
        Record record;
        std::uint32_t next = kNoSlot;  // on a shelf, or in the list of free nodes
        std::uint32_t previous = kNoSlot;
        Shelf shelf = Shelf::none;
        bool live = false;
    };
    struct Entry {
        std::uint32_t slot = kNoSlot;
        std::uint32_t tag = 0;  // upper half of the hash
    };
    struct List {
        std::uint32_t head = kNoSlot;
        std::uint32_t tail = kNoSlot;
    };

    [[nodiscard]] std::size_t home(std::uint64_t hash) const { return hash & mask_; }
    void occupy(std::uint32_t slot, std::uint32_t generation, const Key& key);
    void index_insert(std::uint64_t hash, std::uint32_t slot);
    void index_erase(std::uint64_t hash, std::uint32_t slot);
    void unlink(std::uint32_t slot);

    std::uint32_t limit_;
    std::uint32_t size_ = 0;
    std::uint32_t generations_ = 0;
    std::uint32_t begun_after_ = 0;
    HashKey secret_;
    std::size_t mask_;
    std::vector<Entry> index_;
    std::vector<Node> nodes_;
    std::uint32_t free_ = kNoSlot;
    std::array<List, 3> shelves_{};
};

}  // namespace finwait::flow
