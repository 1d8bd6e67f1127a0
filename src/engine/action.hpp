// What the engine asks the shell to do: it decides, the shell carries out.
#pragma once

#include "engine/report.hpp"
#include "tcp/segment.hpp"

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

/// Put this segment on the wire, towards its destination.
struct Send {
    tcp::Segment segment;
};

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
    stopped,  // the policy, not the flow: its breaker has opened
};

/// The name it has in logs and in the event stream.
[[nodiscard]] std::string_view name(EventType t);

/// Something that an operator may want to know.
struct Event {
    EventType type = EventType::closed;
    FlowId id;
    tcp::Endpoint client;
    tcp::Endpoint server;
    std::optional<tcp::Role> closer;
    std::uint8_t policy = 0;
    Duration age{0};
    Duration idle{0};
    std::string_view reason;  // static text
};

using Action = std::variant<Send, Event>;
using Actions = std::vector<Action>;

}  // namespace finwait::engine
