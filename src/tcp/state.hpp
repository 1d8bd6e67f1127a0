// The states of one side of a connection: RFC 9293 section 3.3.2's eleven, and `unknown` for a side of which
// nothing is proven yet. Names are spelt as ss(8) spells them in its filters.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace finwait::tcp {

enum class State : std::uint8_t {
    unknown,
    closed,
    listen,
    syn_sent,
    syn_received,
    established,
    fin_wait_1,
    fin_wait_2,
    close_wait,
    closing,
    last_ack,
    time_wait,
};

inline constexpr std::size_t kStateCount = 12;

/// Every state with its name, in the order of the enumeration.
inline constexpr std::array<std::string_view, kStateCount> kStateNames = {
    "unknown",    "closed",     "listen",     "syn-sent", "syn-recv", "established",
    "fin-wait-1", "fin-wait-2", "close-wait", "closing",  "last-ack", "time-wait",
};

[[nodiscard]] constexpr std::string_view name(State s) {
    return kStateNames[static_cast<std::size_t>(s)];
}

/// Reads a name as ss spells it; `estab`, `syn-received` and `listening` are understood too.
[[nodiscard]] std::optional<State> parse_state(std::string_view text);

/// Which end of the connection: the one that sent the first SYN, or the other.
enum class Role : std::uint8_t { client, server };

[[nodiscard]] constexpr Role other(Role r) {
    return r == Role::client ? Role::server : Role::client;
}
[[nodiscard]] constexpr std::string_view name(Role r) {
    return r == Role::client ? "client" : "server";
}
[[nodiscard]] constexpr std::size_t index(Role r) {
    return static_cast<std::size_t>(r);
}

}  // namespace finwait::tcp
