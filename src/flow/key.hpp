// What names a flow: the two endpoints, the same for both directions, and their keyed hash.
#pragma once

#include "tcp/segment.hpp"

#include <cstdint>

namespace finwait::flow {

/// The unordered pair of endpoints: `low` sorts before `high`.
struct Key {
    tcp::Endpoint low;
    tcp::Endpoint high;

    [[nodiscard]] static Key of(const tcp::Endpoint& a, const tcp::Endpoint& b) {
        return a < b ? Key{a, b} : Key{b, a};
    }
    [[nodiscard]] static Key of(const tcp::Segment& s) { return of(s.source, s.destination); }
    friend bool operator==(const Key&, const Key&) = default;
};

/// Secret that keeps senders from choosing endpoints that collide.
struct HashKey {
    std::uint64_t k0 = 0;
    std::uint64_t k1 = 0;
};

/// SipHash-1-3 (Aumasson, Bernstein 2012) of the endpoints; IPv4 pairs are hashed by their 12 bytes.
[[nodiscard]] std::uint64_t hash(const HashKey& secret, const Key& key);

}  // namespace finwait::flow
