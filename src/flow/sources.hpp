// Half-closed flows by their source, the side that closed first, and its peer, the longest without progress
// first: so that one source does not hold more than its share, and no peer can use that share up for it. Both
// are prefixes, not addresses. Bounded by the number of flows; after prepare() nothing allocates.
#pragma once

#include "flow/index.hpp"
#include "flow/key.hpp"
#include "flow/pool.hpp"

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <vector>

namespace finwait::flow {

class Sources {
  public:
    /// For slots below `limit`. `memory` must outlive it, and is not asked for any before prepare().
    Sources(std::uint32_t limit, HashKey secret, std::pmr::memory_resource& memory)
        : limit_(limit), secret_(secret), memory_(&memory) {}

    /// Reserves all the memory that it will ever need; no-op when it has it. Throws std::bad_alloc.
    void prepare();
    [[nodiscard]] bool prepared() const { return book_.has_value(); }
    /// Forgets all flows.
    void clear();

    /// Adds a flow as the one with the latest progress; no-op when it is in. REQUIRES prepared().
    void add(std::uint32_t slot, const tcp::Address& source, const tcp::Address& peer);
    /// The flow has made progress; no-op when it is not in.
    void progress(std::uint32_t slot);
    /// No-op when it is not in.
    void remove(std::uint32_t slot);

    /// Whether the flow's source has more than `limit` flows, and more of them with the flow's peer than an
    /// equal share of `limit` for each of its peers. One flow with a peer is never too many, so that nobody
    /// but the two ends of a flow can make it one of too many. REQUIRES that the flow is in.
    [[nodiscard]] bool too_many(std::uint32_t slot, std::uint32_t limit) const;
    /// The flow of the same source and peer that has been without progress for longest. REQUIRES that the
    /// flow is in.
    [[nodiscard]] std::uint32_t longest_idle(std::uint32_t slot) const;

    /// How many sources have flows.
    [[nodiscard]] std::size_t sources() const;

  private:
    static constexpr std::uint32_t kNone = UINT32_MAX;

    /// A source by itself (then its key has no peer), or a source and one of its peers.
    struct Line {
        Key key;
        std::uint32_t flows = 0;
        std::uint32_t peers = 0;   // of a source by itself
        std::uint32_t source = 0;  // of a pair: the line of its source
        std::uint32_t head = kNone;
        std::uint32_t tail = kNone;
    };
    class Lines {
      public:
        Lines(std::uint32_t limit, HashKey secret, std::pmr::memory_resource& memory)
            : secret_(secret), index_(limit, memory), lines_(limit, memory) {}
        std::uint32_t find_or_add(const Key& key);
        void remove(std::uint32_t number);
        [[nodiscard]] Line& operator[](std::uint32_t number) { return lines_[number]; }
        [[nodiscard]] const Line& operator[](std::uint32_t number) const { return lines_[number]; }
        [[nodiscard]] std::size_t used() const { return lines_.used(); }

      private:
        HashKey secret_;
        Index index_;
        Pool<Line> lines_;
    };
    struct Place {
        std::uint32_t pair = kNone;  // kNone: not in
        std::uint32_t previous = kNone;
        std::uint32_t next = kNone;
    };
    struct Book {
        Book(std::uint32_t limit, HashKey secret, std::pmr::memory_resource& memory);

        Lines sources;
        Lines pairs;
        std::pmr::vector<Place> places;  // by slot
    };

    void append(std::uint32_t slot, std::uint32_t pair);
    void unlink(std::uint32_t slot);
    [[nodiscard]] bool has(std::uint32_t slot) const {
        return book_ && slot < book_->places.size() && book_->places[slot].pair != kNone;
    }

    std::uint32_t limit_;
    HashKey secret_;
    std::pmr::memory_resource* memory_;
    std::optional<Book> book_;
};

}  // namespace finwait::flow
