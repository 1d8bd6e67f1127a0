// Flows without hosts: frames of TCP segments that continue each other exactly, for as many flows as wanted,
// at eight bytes a flow. Between hosts that are not there, so nobody answers: 10.98.0.0/16 and fd98::/64 are
// the clients, 10.97.0.0/16 and fd97::/64 the servers.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace finwait::bench {

enum class From : std::uint8_t { client, server };
enum class Step : std::uint8_t { syn, syn_ack, ack, data };

/// IP versions of the flows: of each, or of every other flow.
enum class Family : std::uint8_t { v4, v6, mixed };

using Mac = std::array<std::uint8_t, 6>;

struct Frame {
    std::uint32_t size = 0;
    std::array<std::uint8_t, 96> bytes{};
};

class Crafted {
  public:
    /// `via`: the gateway's hardware addresses, as client and server see it.
    Crafted(Family family, std::array<Mac, 2> via) : family_(family), via_(via) {}

    void resize(std::uint32_t flows);
    [[nodiscard]] std::uint32_t flows() const { return static_cast<std::uint32_t>(sent_.size()); }

    /// The flow's next segment of this kind; `data` carries `note` in its first bytes. Goes on counting.
    void next(std::uint32_t flow, From from, Step step, std::uint64_t note, Frame& out);

    /// Bytes of data in a data segment.
    static constexpr std::uint32_t kData = 12;

  private:
    [[nodiscard]] bool v6(std::uint32_t flow) const {
        return family_ == Family::v6 || (family_ == Family::mixed && flow % 2 == 1);
    }
    Family family_;
    std::array<Mac, 2> via_;
    std::vector<std::array<std::uint32_t, 2>> sent_;  // by From: the next sequence number
};

}  // namespace finwait::bench
