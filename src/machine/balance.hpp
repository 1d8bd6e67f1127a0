// Whether one queue gets nearly all packets. NFQUEUE spreads them by addresses, so two hosts that exchange
// most of the traffic load one queue, and one CPU, however many there are.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace finwait::machine {

class Balance {
  public:
    /// How long is looked at once.
    static constexpr std::chrono::seconds kInterval{60};
    /// Less than this many packets a second of all queues are no load for anyone.
    static constexpr std::uint64_t kLoad = 10'000;
    /// Of all packets, that one queue must get.
    static constexpr double kMostOfThem = 0.9;

    /// Takes the packets that each queue, from `first_queue` on, has got since it was opened, modulo 2^32 as
    /// the kernel counts them. What to tell the operator, once: `by_ports` says whether they are spread by
    /// ports already.
    [[nodiscard]] std::optional<std::string> look(std::span<const std::uint32_t> packets,
                                                  std::uint16_t first_queue, bool by_ports);

  private:
    std::vector<std::uint32_t> before_;
    bool told_ = false;
};

}  // namespace finwait::machine
