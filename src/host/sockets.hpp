// This machine's own TCP sockets: whether one is there, and ending it, by sock_diag(7). For a socket its
// kernel is the best witness: it needs no probe, and no rule and no loss can come between.
#pragma once

#include "host/socket_message.hpp"
#include "tcp/address.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace finwait::host {

struct SocketError {
    std::string message;  // what failed and what to do
};

enum class Ended : std::uint8_t {
    no,        // it could not be done
    alone,     // the peer has not been told
    with_rst,  // the kernel has told the peer by an RST of its own
};

class Sockets {
  public:
    /// Fails where the kernel cannot be asked.
    [[nodiscard]] static std::variant<Sockets, SocketError> open();
    Sockets(Sockets&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), sequence_(other.sequence_), ends_(other.ends_) {}
    Sockets& operator=(Sockets&& other) noexcept;
    ~Sockets();

    /// The connection as `local` itself names its two ends; empty when there is none.
    [[nodiscard]] std::variant<std::optional<Socket>, SocketError> find(const tcp::Endpoint& local,
                                                                        const tcp::Endpoint& remote);
    /// Whether this kernel ends sockets on request (CONFIG_INET_DIAG_DESTROY).
    [[nodiscard]] bool can_end() const { return ends_; }
    /// Ends just this socket; its application gets ECONNABORTED.
    [[nodiscard]] Ended end(const tcp::Endpoint& local, const tcp::Endpoint& remote, const Socket& socket);

  private:
    explicit Sockets(int fd) : fd_(fd) {}
    [[nodiscard]] std::optional<SocketError> try_out();
    [[nodiscard]] SocketAnswer ask(std::uint16_t type, const tcp::Endpoint& local,
                                   const tcp::Endpoint& remote, const Socket& named);
    [[nodiscard]] SocketAnswer take_answer();

    int fd_ = -1;
    std::uint32_t sequence_ = 0;
    bool ends_ = false;
};

}  // namespace finwait::host
