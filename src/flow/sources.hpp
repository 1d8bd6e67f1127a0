// The half-closed flows of each source address, oldest first, so that one source cannot hold more than its
// share. Costs memory only for flows that are half-closed, and none at all while it is not used.
#pragma once

#include "flow/key.hpp"

#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace finwait::flow {

class Sources {
  public:
    explicit Sources(HashKey secret) : by_address_(0, Hash{secret}) {}

    /// Adds a flow behind those that its source has already; no-op when it is in. Returns how many it has
    /// then.
    std::uint32_t add(std::uint32_t slot, const tcp::Address& source);
    /// No-op when it is not in.
    void remove(std::uint32_t slot);
    /// The flow that its source has had for longest; there must be one.
    [[nodiscard]] std::uint32_t oldest(const tcp::Address& source) const;

    [[nodiscard]] std::size_t sources() const { return by_address_.size(); }
    void clear();

  private:
    struct Hash {
        HashKey secret;
        std::size_t operator()(const tcp::Address& address) const;
    };
    struct Line {
        std::uint32_t head;
        std::uint32_t tail;
        std::uint32_t count = 0;
    };
    struct Place {
        tcp::Address source;
        std::uint32_t previous;
        std::uint32_t next;
    };

    std::unordered_map<tcp::Address, Line, Hash> by_address_;
    std::unordered_map<std::uint32_t, Place> places_;  // by slot
};

}  // namespace finwait::flow
