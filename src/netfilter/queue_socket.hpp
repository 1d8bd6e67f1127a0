// The netlink socket of one queue: opened, tuned and bound, with every answer of the kernel read. It holds no
// packets at first.
#pragma once

#include "netfilter/queue.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace finwait::netfilter {

/// How many packets the kernel holds at most in a queue; what is beyond passes. `socket` holds the queue. The
/// kernel answers only if it refuses.
void set_queue_length(int socket, std::uint16_t number, std::uint32_t packets);

class QueueSocket {
  public:
    [[nodiscard]] static std::variant<QueueSocket, QueueError> open(const QueueOptions& options);
    QueueSocket(QueueSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    QueueSocket& operator=(QueueSocket&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~QueueSocket();

    /// See set_queue_length().
    void set_length(std::uint16_t number, std::uint32_t packets) const {
        set_queue_length(fd_, number, packets);
    }
    /// The queue is nobody's then; what it holds is dropped.
    void unbind(std::uint16_t number) const;

    /// Packets that found the socket's buffer full, of all time; wraps at 2^32.
    [[nodiscard]] std::uint32_t drops() const;

    [[nodiscard]] int descriptor() const { return fd_; }

  private:
    explicit QueueSocket(int fd) : fd_(fd) {}
    std::optional<QueueError> configure(const QueueOptions& options);

    int fd_ = -1;
};

}  // namespace finwait::netfilter
