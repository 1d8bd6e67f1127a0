// This machine's own TCP sockets: whether one is there, and ending it, by sock_diag(7). For a socket its
// kernel is the best witness: it needs no probe, and no rule and no loss can come between.
#pragma once

#include "tcp/address.hpp"
#include "tcp/state.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>

namespace finwait::host {

struct SocketError {
    std::string message;  // what failed and what to do
};

/// A connected socket, or the record that the kernel keeps of a closed one.
struct Socket {
    tcp::State state = tcp::State::unknown;
    bool record = false;
    bool orphaned = false;                  // no application holds it
    std::uint32_t device = 0;               // the only one that it is bound to; 0: none
    std::array<std::uint32_t, 2> cookie{};  // names it for as long as it lives
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
    struct Answer {
        int error = 0;  // errno
        Socket socket;
        bool listens = false;
    };

    explicit Sockets(int fd) : fd_(fd) {}
    [[nodiscard]] std::optional<SocketError> try_out();
    [[nodiscard]] Answer ask(std::uint16_t type, const tcp::Endpoint& local, const tcp::Endpoint& remote,
                             const Socket& named);
    [[nodiscard]] Answer take_answer();
    [[nodiscard]] static Answer read_answer(std::span<const char> message);

    int fd_ = -1;
    std::uint32_t sequence_ = 0;
    bool ends_ = false;
};

}  // namespace finwait::host
