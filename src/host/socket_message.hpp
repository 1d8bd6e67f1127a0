// Reads one answer of sock_diag(7): a socket, or why there is none.
#pragma once

#include "tcp/address.hpp"
#include "tcp/state.hpp"
#include "tcp/time.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace finwait::host {

/// A connected socket, or the record that the kernel keeps of a closed one.
struct Socket {
    tcp::State state = tcp::State::unknown;
    bool record = false;
    bool orphaned = false;                  // no application holds it
    std::uint32_t device = 0;               // the only one that it is bound to; 0: none
    std::array<std::uint32_t, 2> cookie{};  // names it for as long as it lives
};

struct SocketAnswer {
    int error = 0;  // errno's value
    Socket socket;
    bool listens = false;
};

/// One socket of a list of all.
struct ListedSocket {
    tcp::Endpoint local;   // as the socket itself names its two ends
    tcp::Endpoint remote;  // 0.0.0.0 or ::, port 0: it listens
    Socket socket;
    /// Since when it has neither sent data nor received a segment with an acknowledgment; 0 where the kernel
    /// does not tell.
    Duration idle{0};
};

/// The question's number that a message answers is `sequence`; a message that is cut short answers none.
[[nodiscard]] bool answers(std::span<const char> message, std::uint32_t sequence);
/// Of a message that answers.
[[nodiscard]] SocketAnswer read_answer(std::span<const char> message);
/// One message of a list; empty where it is not a socket.
[[nodiscard]] std::optional<ListedSocket> read_listed(std::span<const char> message);

}  // namespace finwait::host
