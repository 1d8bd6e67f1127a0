// What conntrack believes of a connection: one state for both sides, from the segments that it has seen,
// those that passed us by included. A hint, by which flows catch up after a loss.
#pragma once

#include "tcp/segment.hpp"

#include <cstdint>

namespace finwait::engine {

enum class Belief : std::uint8_t {
    unsure,  // a step is just being taken: ask again
    open,
    opener_closed,    // and its FIN is acknowledged
    answerer_closed,  // the same
    over,             // both have closed
    reset,
};

struct Hint {
    tcp::Endpoint opener;  // as the forward hook shows them
    tcp::Endpoint answerer;
    Belief belief = Belief::unsure;
};

}  // namespace finwait::engine
