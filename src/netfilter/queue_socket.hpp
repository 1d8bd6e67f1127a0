// The netlink socket of one queue: opened, tuned and bound, with every answer of the kernel read.
#pragma once

#include "netfilter/queue.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace finwait::netfilter {

class QueueSocket {
  public:
    [[nodiscard]] static std::variant<QueueSocket, QueueError> open(const QueueOptions& options);
    QueueSocket(QueueSocket&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), first_id_(other.first_id_) {}
    QueueSocket& operator=(QueueSocket&& other) noexcept {
        std::swap(fd_, other.fd_);
        first_id_ = other.first_id_;
        return *this;
    }
    ~QueueSocket();

    [[nodiscard]] int descriptor() const { return fd_; }
    /// The last id that the kernel had given away when binding was done; those packets were let go, unseen.
    [[nodiscard]] std::uint32_t first_id() const { return first_id_; }

  private:
    explicit QueueSocket(int fd) : fd_(fd) {}
    std::optional<QueueError> configure(const QueueOptions& options);

    int fd_ = -1;
    std::uint32_t first_id_ = 0;
};

}  // namespace finwait::netfilter
