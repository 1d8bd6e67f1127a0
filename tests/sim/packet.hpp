// A segment on its way, with what only the simulator knows of it: who really sent it, and in which life of
// its socket. The observer gets the segment alone, as bytes.
#pragma once

#include "tcp/segment.hpp"
#include "tcp/time.hpp"

#include <cstdint>

namespace finwait::sim {

/// Which use of its port a host is in: connections between the same endpoints follow one another.
using Incarnation = int;
inline constexpr Incarnation kNone = -1;

enum class Origin : std::uint8_t {
    socket,  // a host's TCP
    forger,  // a third party
    reaper,  // the engine
};

struct Packet {
    tcp::Segment segment;
    Incarnation own = kNone;   // the sending socket's; none when no socket sent it
    Incarnation peer = kNone;  // of the peer's socket that it believes to talk to; none while not known
    bool drawn = false;        // sent at once when something of the engine's came
    Origin origin = Origin::socket;
};

[[nodiscard]] constexpr Duration ms(std::int64_t n) {
    return std::chrono::milliseconds(n);
}

}  // namespace finwait::sim
