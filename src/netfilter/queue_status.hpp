// What /proc says of the queues of this thread's network namespace: counters, and who holds one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace finwait::netfilter {

/// One line of /proc/net/netfilter/nfnetlink_queue (seq_show, net/netfilter/nfnetlink_queue.c).
struct QueueStatus {
    std::uint32_t port = 0;           // netlink port of the socket that holds it
    std::uint64_t length = 0;         // packets waiting
    std::uint64_t queue_dropped = 0;  // the queue was full
    std::uint64_t user_dropped = 0;   // the holder's socket buffer was full
    std::uint64_t last_id = 0;
};

/// Empty when nobody holds the queue.
[[nodiscard]] std::optional<QueueStatus> queue_status(std::uint16_t number);

/// Who holds a netlink port, as far as this process may see: "netlink port 4711, pid 4711 (suricata)".
[[nodiscard]] std::string describe_holder(std::uint32_t port);

}  // namespace finwait::netfilter
