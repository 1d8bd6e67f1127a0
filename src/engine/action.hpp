// What the engine asks the shell to do: it decides, the shell carries out.
#pragma once

#include "engine/report.hpp"
#include "tcp/segment.hpp"
#include "tcp/time.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace finwait::engine {

/// What happens to the queued packet.
enum class Verdict : std::uint8_t {
    accept,
    drop,     // an answer to us alone: it must not reach the peer
    release,  // accept, and let the kernel pass the flow's segments by us until the next SYN, FIN or RST
};

/// Put this segment on the wire, towards its destination. Where that is a socket of this machine, the machine
/// may be asked, or told to end it, instead (SocketState). What became of it the engine is told by notices.
struct Send {
    tcp::Segment segment;
    FlowId flow;
    bool guessed = false;      // its numbers are made up: not for conntrack's eyes
    bool to_local = false;     // the destination is a socket of this machine
    bool after_reset = false;  // a probe that is to find its receiver gone
    bool for_numbers = false;  // a probe whose answer is to show the numbers that its sender has: ask by wire
    bool half_closed = false;  // the flow is, as far as the engine knows
    Instant last_seen;         // of the flow: the last valid segment
};

/// Its names and texts are a row of observe/event_kinds.cpp.
enum class EventType : std::uint8_t {
    half_closed,
    probe,
    left,
    reset,
    would_reset,
    confirmed,
    unconfirmed,
    refused,
    closed,
    stopped,      // the policy, not the flow: its breaker has opened
    asked_again,  // a probe after the first
    answered,     // by the side it names
    silent,       // that side has left all its attempts unanswered
    near_miss,    // an RST that only an orphan does not survive
    reset_again,  // a challenge has named another number
    revived,      // the flow has made progress meanwhile
};

/// By which way a segment passes: between others, or from or to a socket of this machine.
enum class Way : std::uint8_t { forwarded, arriving, leaving };

/// Something that an operator may want to know.
struct Event {
    EventType type = EventType::closed;
    FlowId id;
    tcp::Endpoint client;
    tcp::Endpoint server;
    std::optional<tcp::Role> closer;
    std::array<tcp::State, 2> states{};  // by tcp::Role
    std::optional<tcp::Role> side;       // the one that it is about; empty: both, or the flow
    std::uint8_t policy = 0;
    Duration age{0};
    Duration idle{0};
    std::string_view reason;  // static text
};

using Action = std::variant<Send, Event>;
using Actions = std::vector<Action>;

}  // namespace finwait::engine
