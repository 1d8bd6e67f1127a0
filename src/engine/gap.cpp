// Segments that have passed unseen without anybody telling: a capture that misses some, or has one side only.

#include "engine/impl.hpp"

namespace finwait::engine {

namespace {

/// It goes on behind its SYN, and the other side has said nothing.
bool heard_alone(const tcp::Connection& c, tcp::Role role) {
    const tcp::Side& peer = c.of(tcp::other(role));
    return c.of(role).state == tcp::State::syn_sent && peer.state == tcp::State::closed && !peer.syn_seen &&
           !c.rst;
}

}  // namespace

/// Where segments have passed unseen, the latest implausible segment and this one continue each other
/// exactly: one of each side, or two of a side that is heard alone. Then both are believed.
std::optional<tcp::Advance> Engine::Impl::bridge_gap(std::uint32_t slot, tcp::Role from,
                                                     const tcp::Segment& segment) {
    if (!options_.silent_losses || !segment.any(tcp::flag::ack)) return std::nullopt;
    tcp::Connection& c = table_[slot].connection;
    Odd& odd = odd_[slot];
    const Odd earlier = odd;
    odd = {from, segment};
    if (!earlier.segment.any(tcp::flag::ack)) return std::nullopt;
    const bool continues = segment.seq == earlier.segment.end();
    if (earlier.from != from && earlier.segment.end() == segment.ack && earlier.segment.ack == segment.seq) {
        tcp::lose_numbers(c);
    } else if (earlier.from == from && continues && heard_alone(c, from)) {
        tcp::follow_one_side(c, from);
    } else {
        return std::nullopt;
    }
    static_cast<void>(tcp::advance(c, earlier.from, earlier.segment));
    return tcp::advance(c, from, segment);
}

}  // namespace finwait::engine
