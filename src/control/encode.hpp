// The engine's reports as JSON text, in the members' documented order and with their units in their names.
// Written by hand rather than through a DOM: a listing encodes a million flows while packets want the same
// processor.
#pragma once

#include "engine/engine.hpp"
#include "shard/load.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::control {

/// What the queues lost, as the shell counts it.
struct QueueStats {
    std::uint64_t dropped = 0;         // segments that passed unseen; of an opened queue one, whatever passed
    std::uint64_t kernel_dropped = 0;  // the queue was full
    std::uint64_t user_dropped = 0;    // our socket's buffer was full
    std::uint64_t errors = 0;          // messages from the kernel that made no sense
    std::uint64_t openings = 0;        // by the guard, because nobody gave verdicts
};

/// What became of the segments that were to be sent, as the shell counts it.
struct WireStats {
    std::uint64_t translated = 0;  // sent by addresses that NAT shows, and the forward hook does not
    std::uint64_t no_entry = 0;    // sent by those of the forward hook: conntrack knows no such connection
    std::uint64_t not_sent = 0;    // the addresses could not be found out in time
    std::uint64_t refused = 0;     // by the kernel: no route, or a rule in OUTPUT
    std::uint64_t queue_full = 0;  // dropped by this machine's own queue: qdisc, socket buffer
    std::uint64_t ended = 0;       // sockets of this machine that its kernel has ended instead of an RST
};

/// Packets that were let go by unseen, as the shell counts them.
struct AsideStats {
    std::uint64_t bridged = 0;
    std::uint64_t vrf = 0;
    std::uint64_t rule = 0;  // routed by what a packet of ours cannot have
};

/// Our firewall rules, as far as they are watched.
struct RuleStats {
    std::uint64_t missing = 0;   // lines that are not as they should be
    std::uint64_t restored = 0;  // how often they were put back
};

/// What one shard has of the whole.
struct ShardShare {
    std::uint64_t packets = 0;
    std::uint64_t flows = 0;
    Duration cpu{0};  // that its thread has used
};

/// All shards together.
struct Totals {
    engine::Counters counters;
    engine::Gauges gauges;
    policy::Lasting half_closed_ages;
    shard::Load load;
    std::vector<ShardShare> by_shard;
    QueueStats queue;
    std::uint64_t audit_lost = 0;
    std::uint64_t without_memory = 0;  // times that something outside of the engines was left out
    WireStats wire;
    AsideStats aside;
    RuleStats rules;
    std::size_t shards = 0;
    std::string mode;               // "enforce" or "observe"
    std::set<std::string> stopped;  // policies whose breaker is open
    double uptime_s = 0;
    std::string version;

    /// Packets that passed unseen.
    [[nodiscard]] std::uint64_t dropped() const { return queue.dropped + counters.packets_lost; }
};

/// What each side takes its peer to be, by tcp::Role; empty where nobody can say.
using Peers = std::optional<std::array<tcp::Endpoint, 2>>;

enum class Detail : std::uint8_t { brief, sides };

/// {"id":…,"client":{…},"server":{…},"closer":…,…}; with Detail::sides also each side's numbers and the last
/// steps; with `peers` also what each side sees.
void append_flow(std::string& out, const engine::FlowReport& flow, Detail detail,
                 const Peers* peers = nullptr);
/// {"id":…,"client":{"addr":…,"port":…},"server":{…},"result":…}
void append_kill(std::string& out, const engine::FlowReport& flow, engine::KillResult result);
[[nodiscard]] std::string stats_json(const Totals& totals);
[[nodiscard]] std::string policy_json(const policy::Policy& policy, const engine::PolicyCounts& counts);

}  // namespace finwait::control
