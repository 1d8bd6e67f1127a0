// The flows of one shard: a slab of nodes, and an index of keyed hashes. Bounded; memory is reserved at the
// start and touched only as it fills. A node names its flow in 20 bytes, wherever IPv6 addresses stand apart;
// the rest of its 64 bytes is the flow itself while it is at rest, else it tells where the full record is.
// Two shelves keep the flows that may be given up first, oldest in front.
#pragma once

#include "flow/awake.hpp"
#include "flow/compact.hpp"
#include "flow/index.hpp"
#include "flow/pool.hpp"
#include "flow/record.hpp"

#include <array>
#include <cstdint>
#include <memory_resource>
#include <vector>

namespace finwait::flow {

inline constexpr std::uint32_t kNoSlot = UINT32_MAX;

/// Flows that make room for new ones when the table is full.
enum class Shelf : std::uint8_t { none, finished, provisional };

class Table {
  public:
    /// `limit` flows at most, 1 to 2^24 - 1. One is put to rest when `awake` others have been laid down
    /// since; so those that are busy keep their records. `memory` must outlive the table.
    Table(std::uint32_t limit, HashKey secret, std::uint32_t awake = kAwake,
          std::pmr::memory_resource& memory = *std::pmr::new_delete_resource());

    [[nodiscard]] std::uint32_t find(const Key& key) const { return find(key, hash_of(key)); }
    [[nodiscard]] std::uint32_t find(const Key& key, std::uint64_t hash) const;
    [[nodiscard]] std::uint64_t hash_of(const Key& key) const { return hash(secret_, key); }
    /// Brings what find() will read into the cache, one step after the other: call each of them for a number
    /// of keys, so that memory is waited for only once.
    void prefetch_index(std::uint64_t hash) const { index_.prefetch(hash); }
    [[nodiscard]] std::uint32_t prefetch_node(std::uint64_t hash) const;
    void prefetch_record(std::uint32_t slot) const;
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

    /// The record of a live slot, to be changed: it stays where it is until lay_down() or erase().
    [[nodiscard]] Record& operator[](std::uint32_t slot);
    /// A copy of it, which leaves a flow at rest as it is.
    [[nodiscard]] Record look(std::uint32_t slot) const;
    /// The same without a copy where there is a full record; else it is written into `room`.
    [[nodiscard]] const Record& look(std::uint32_t slot, Record& room) const;
    /// Nothing more is done with the record for now; in the end, if the flow is at rest, it is kept in few
    /// bytes.
    void lay_down(std::uint32_t slot);

    [[nodiscard]] bool live(std::uint32_t slot) const {
        return slot < nodes_.size() && nodes_[slot].use != Use::none;
    }
    [[nodiscard]] std::uint32_t generation(std::uint32_t slot) const { return nodes_[slot].generation; }

    [[nodiscard]] std::uint32_t size() const { return size_; }
    [[nodiscard]] std::uint32_t limit() const { return limit_; }
    /// How many of them stand on a shelf.
    [[nodiscard]] std::uint32_t shelved() const { return shelved_; }
    /// Slots ever used: where a walk over the table ends.
    [[nodiscard]] std::uint32_t slots() const { return static_cast<std::uint32_t>(nodes_.size()); }
    /// Flows that take a full record.
    [[nodiscard]] std::size_t full_records() const { return records_.used(); }

    /// Puts a record that is not at rest at the end of a shelf; no-op when it stands there already.
    void shelve(std::uint32_t slot, Shelf shelf);
    /// The record that has stood on a shelf for longest; kNoSlot when it is empty.
    [[nodiscard]] std::uint32_t oldest(Shelf shelf) const {
        return shelves_[static_cast<std::size_t>(shelf)].head;
    }

  private:
    enum class Use : std::uint8_t { none, at_rest, full };
    struct Full {
        std::uint32_t record;
        std::uint32_t next;  // on a shelf
        std::uint32_t previous;
    };
    /// A cache line, so that one is waited for.
    struct alignas(64) Node {
        std::array<std::uint32_t, 2> address{};  // low, high; IPv6: the first tells where they are
        std::array<std::uint16_t, 2> port{};
        std::uint32_t generation = 0;
        Use use : 2 = Use::none;
        Shelf shelf : 2 = Shelf::none;
        bool v4 : 1 = true;
        bool waits : 1 = false;   // among those laid down lately; true also of an earlier flow's place there
        std::uint8_t policy = 0;  // at rest
        union {
            Compact compact;          // at rest
            Full full;                // not
            std::uint32_t next_free;  // none
        };
        Node() : next_free(kNoSlot) {}
    };
    static_assert(sizeof(Node) == 64);
    using AddressPair = std::array<tcp::Address, 2>;
    struct List {
        std::uint32_t head = kNoSlot;
        std::uint32_t tail = kNoSlot;
    };

    [[nodiscard]] Key key_of(const Node& node) const;
    [[nodiscard]] bool has_key(const Node& node, const Key& key) const;
    [[nodiscard]] std::uint64_t hash_of(std::uint32_t slot) const;
    void expand_node(const Node& node, Record& record) const;
    void name(Node& node, const Key& key);
    void occupy(std::uint32_t slot, std::uint32_t generation, const Key& key);
    void stand_up(Node& node);
    void put_to_rest(Node& node);
    void unlink(std::uint32_t slot);

    std::uint32_t limit_;
    std::uint32_t awake_;
    std::uint32_t size_ = 0;
    std::uint32_t shelved_ = 0;
    std::uint32_t generations_ = 0;
    std::uint32_t begun_after_ = 0;
    HashKey secret_;
    Index index_;
    std::pmr::vector<Node> nodes_;
    Pool<Record> records_;
    Pool<Numbers> numbers_;
    Pool<AddressPair> addresses_;
    std::vector<std::uint32_t> laid_down_;  // a ring, the oldest at laid_down_next_
    std::uint32_t laid_down_next_ = 0;
    std::uint32_t free_ = kNoSlot;
    std::array<List, 3> shelves_{};
};

}  // namespace finwait::flow
