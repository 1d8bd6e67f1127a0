// One raw socket and the burst of packets that waits for it: the half of the injector that one IP version
// needs.
#pragma once

#include "inject/injector.hpp"
#include "tcp/compose.hpp"
#include "tcp/segment.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <vector>

namespace finwait::inject {

class RawSocket {
  public:
    static constexpr std::size_t kBurst = 64;

    /// `family` is AF_INET or AF_INET6; empty, with errno set, when the socket cannot be had.
    [[nodiscard]] static std::optional<RawSocket> open(int family);
    RawSocket(RawSocket&& other) noexcept;
    RawSocket& operator=(RawSocket&& other) noexcept;
    ~RawSocket();

    [[nodiscard]] bool full() const { return burst_->count == kBurst; }
    /// False when the segment cannot be written as a packet. The burst must not be full. `origin`: see
    /// Injector::add.
    bool add(const tcp::Segment& segment, const tcp::Address& origin, const tcp::Segment& named);
    /// Sends the burst, and returns how many packets have left. The others are added to `unsent`, by the
    /// names that they were added with.
    std::size_t flush(std::vector<Unsent>& unsent);
    [[nodiscard]] std::size_t waiting() const { return burst_->count; }

  private:
    /// The mark and the origin by which a packet is routed.
    static constexpr std::size_t kControl =
        CMSG_SPACE(sizeof(std::uint32_t)) + CMSG_SPACE(sizeof(in6_pktinfo));
    struct alignas(cmsghdr) Control {
        std::array<char, kControl> room;
    };
    struct Burst {
        std::size_t count = 0;
        std::array<tcp::PacketBuffer, kBurst> packets;
        std::array<tcp::Segment, kBurst> names;
        std::array<iovec, kBurst> vectors{};
        std::array<sockaddr_in6, kBurst> destinations{};  // room for either family
        std::array<Control, kBurst> controls{};
        std::array<mmsghdr, kBurst> headers{};
    };

    RawSocket(int fd, int family);
    void clear_errors() const;

    int fd_ = -1;
    int family_ = 0;
    std::unique_ptr<Burst> burst_;
};

}  // namespace finwait::inject
