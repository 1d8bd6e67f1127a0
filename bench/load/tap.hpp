// What arrives at a namespace's interface, with the kernel's time of each packet; read from a big buffer.
#pragma once

#include "load/namespace.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace finwait::bench {

/// The network that the packets' IPv4 source is in; zeros: all packets.
struct Network {
    std::uint32_t address = 0;
    std::uint32_t mask = 0;
};

class Tap {
  public:
    /// In the namespace that the calling thread is in. `megabytes`: what waits until read() at most.
    Tap(const std::string& interface, Network sources, unsigned megabytes);

    /// Hands over what has arrived: the packet from its IP header on, and when, in nanoseconds of
    /// CLOCK_REALTIME.
    void read(const std::function<void(std::span<const std::uint8_t>, std::int64_t)>& take);
    /// Packets that the buffer had no room for since the last call.
    [[nodiscard]] std::uint32_t lost();

  private:
    Descriptor socket_;
};

/// CLOCK_REALTIME in nanoseconds, the clock of the taps.
[[nodiscard]] std::int64_t realtime();
/// Returns at once when that time has come.
void sleep_until(std::int64_t when);

}  // namespace finwait::bench
