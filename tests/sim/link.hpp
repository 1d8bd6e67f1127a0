// One hop of the path, one way: a latency, and faults that strike the packets named by their place in the
// order of sending.
#pragma once

#include "packet.hpp"

#include <optional>
#include <vector>

namespace finwait::sim {

enum class FaultKind : std::uint8_t {
    lose,
    duplicate,  // a second copy, `amount` later
    delay,      // arrives `amount` later than it should
    swap,       // the next packet overtakes it
};

struct Fault {
    std::uint8_t hop = 0;
    std::uint16_t nth = 0;
    FaultKind kind = FaultKind::lose;
    Duration amount{0};
};

/// The four hops: from a host to the observer, and from the observer on, away from that host.
[[nodiscard]] constexpr std::uint8_t before_observer(std::size_t sender) {
    return static_cast<std::uint8_t>(sender * 2);
}
[[nodiscard]] constexpr std::uint8_t behind_observer(std::size_t sender) {
    return static_cast<std::uint8_t>(sender * 2 + 1);
}

struct Delivery {
    Instant at;
    Packet packet;
};

class Link {
  public:
    Link(std::uint8_t hop, Duration latency, const std::vector<Fault>& faults);

    /// Appends when `packet` arrives, and what it lets arrive. False when it is lost.
    bool send(Instant now, const Packet& packet, std::vector<Delivery>& out);
    /// A packet held back for the next one, when no next one comes.
    void on_timer(Instant now, std::vector<Delivery>& out);
    [[nodiscard]] std::uint16_t sent() const { return sent_; }
    [[nodiscard]] Instant next_deadline() const { return held_until_; }

  private:
    Duration latency_;
    std::vector<Fault> faults_;
    std::uint16_t sent_ = 0;
    std::optional<Packet> held_;
    Instant held_until_ = Instant::never();
};

}  // namespace finwait::sim
