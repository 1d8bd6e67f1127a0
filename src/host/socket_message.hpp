// Reads one answer of sock_diag(7): a socket, or why there is none.
#pragma once

#include "tcp/state.hpp"

#include <array>
#include <cstdint>
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

/// The question's number that a message answers is `sequence`; a message that is cut short answers none.
[[nodiscard]] bool answers(std::span<const char> message, std::uint32_t sequence);
/// Of a message that answers.
[[nodiscard]] SocketAnswer read_answer(std::span<const char> message);

}  // namespace finwait::host
