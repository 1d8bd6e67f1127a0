// Reads one message of the kernel's queue protocol, whole or cut short.
#pragma once

#include "netfilter/queue.hpp"

#include <cstdint>
#include <span>

namespace finwait::netfilter {

struct QueueMessage {
    enum class Kind : std::uint8_t { packet, error, other };
    Kind kind = Kind::other;
    int error = 0;        // with Kind::error: errno's value, 0 for an acknowledgment
    QueuedPacket packet;  // with Kind::packet; its payload lies in the message
};

/// A packet whose message is garbled after its id is still a packet, without payload: it must be let go.
[[nodiscard]] QueueMessage read_message(std::span<const char> bytes);

}  // namespace finwait::netfilter
