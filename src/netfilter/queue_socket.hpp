// The netlink socket of one queue: opened, tuned and bound, with every answer of the kernel read.
#pragma once

#include "netfilter/queue.hpp"

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace finwait::netfilter {

class QueueSocket {
  public:
    [[nodiscard]] static std::variant<QueueSocket, QueueError> open(const QueueOptions& options);
    QueueSocket(QueueSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    QueueSocket& operator=(QueueSocket&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~QueueSocket();

    [[nodiscard]] int descriptor() const { return fd_; }

  private:
    explicit QueueSocket(int fd) : fd_(fd) {}
    std::optional<QueueError> configure(const QueueOptions& options);

    int fd_ = -1;
};

}  // namespace finwait::netfilter
