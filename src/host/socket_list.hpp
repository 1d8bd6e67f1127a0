// All TCP sockets of this machine that a connection older than the daemon can be adopted from, by
// sock_diag(7), piece by piece: open ones, half-closed ones, and those that listen. It must not decide
// anything about them.
#pragma once

#include "host/sockets.hpp"

#include <array>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

namespace finwait::host {

class SocketList {
  public:
    /// Begins to read; fails where the kernel cannot be asked.
    [[nodiscard]] static std::variant<SocketList, SocketError> open();
    SocketList(SocketList&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), sequence_(other.sequence_), family_(other.family_) {}
    SocketList& operator=(SocketList&& other) noexcept;
    ~SocketList();

    /// The next sockets, some hundred; empty at the end of the list. A socket that comes or goes meanwhile
    /// may be missing or be there twice. Blocks no longer than the kernel takes to write them.
    [[nodiscard]] std::variant<std::vector<ListedSocket>, SocketError> next_piece();

  private:
    explicit SocketList(int fd) : fd_(fd) {}
    [[nodiscard]] std::optional<SocketError> ask();
    [[nodiscard]] bool take(std::span<const char> datagram, std::vector<ListedSocket>& piece,
                            int& error) const;

    int fd_ = -1;
    std::uint32_t sequence_ = 0;
    std::size_t family_ = 0;  // index of the IP version that is being read
};

}  // namespace finwait::host
