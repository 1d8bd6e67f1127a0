// Crafted flows on the wire: opened, kept going as fast as the gateway lets them through, or paced and timed.
// What is on its way is limited, as by a TCP's window: the gateway is saturated, and its queue does not
// overflow.
#pragma once

#include "load/crafted.hpp"
#include "load/namespace.hpp"
#include "load/tap.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace finwait::bench {

struct Ends {
    std::array<std::string, 2> namespaces;  // by From
    std::string interface = "to-gateway";
};

/// Packets that have arrived at both ends, as their interfaces count them.
class Arrivals {
  public:
    explicit Arrivals(const Ends& ends);
    [[nodiscard]] std::uint64_t count() const;

  private:
    std::string label_;
    std::array<Descriptor, 2> counters_;  // /proc/net/dev of each end
};

enum class Order : std::uint8_t { sequential, random };

struct Sample {
    std::int64_t at = 0;  // CLOCK_REALTIME, nanoseconds
    std::uint64_t arrived = 0;
};

struct RateResult {
    std::uint64_t sent = 0;
    std::uint64_t lost = 0;
    std::vector<Sample> samples;  // from the warm state on
};

struct LatencyResult {
    std::uint64_t sent = 0;
    std::vector<std::int64_t> nanoseconds;  // of each packet that arrived
};

class Traffic {
  public:
    Traffic(const Ends& ends, Crafted flows);

    /// `flows` in all: new ones get their handshakes, or with `silently` are only given numbers. Returns how
    /// many handshake segments got lost.
    std::uint64_t open(std::uint32_t flows, bool silently);
    RateResult rate(double seconds, Order order);
    LatencyResult latency(double seconds, double per_second);

  private:
    static constexpr std::uint32_t kBurst = 64;

    void send_burst(From from);
    void add(From from, std::uint32_t flow, Step step, std::uint64_t note);
    [[nodiscard]] std::uint32_t pick(Order order);
    /// Waits until at most `limit` packets are on their way; those that do not arrive are given up as lost.
    void settle(std::uint64_t limit);
    void step_all(std::uint32_t first, std::uint32_t last, From from, Step step);

    Ends ends_;
    Crafted flows_;
    Arrivals arrivals_;
    std::array<Descriptor, 2> wires_;  // by From
    std::array<Frame, kBurst> frames_{};
    std::uint32_t filled_ = 0;
    std::uint64_t sent_ = 0, lost_ = 0, arrived_before_ = 0;
    std::uint32_t at_ = 0;
    std::uint64_t random_ = 88172645463325252U;
};

}  // namespace finwait::bench
