// What every connection shares: the shards to ask, the daemon's answers to what no shard knows, and the
// limits.
#pragma once

#include "control/access.hpp"
#include "control/encode.hpp"
#include "control/protocol.hpp"
#include "observe/feed.hpp"
#include "shard/handle.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace finwait::control {

/// What the sides of these flows take their peers to be: one answer a flow, in their order.
using LookUp = std::function<std::vector<Peers>(const std::vector<engine::FlowReport>&)>;

struct ConfigText {
    std::string file;
    std::string text;
};

/// Called on the control thread, one at a time. One that is not set is answered with an error or zeros.
struct Hooks {
    /// Loads the configuration again; what is wrong with it, or nothing when it is in force.
    std::function<std::vector<std::string>(const Requester&)> reload;
    /// Of the configuration that was put in force last: what takes a restart, and what can hardly be meant.
    std::function<std::vector<std::string>()> reload_notes;
    /// The rules for a backend, "nftables" or "iptables"; for "" those in force.
    std::function<std::string(std::string_view backend)> rules;
    std::function<QueueStats()> queue;
    /// Told of each flow that somebody wants ended, and what its engine said.
    std::function<void(const Requester&, const engine::FlowReport&, engine::KillResult)> killed;
    /// Told that somebody has let a stopped policy go on.
    std::function<void(const Requester&, const std::string& policy)> resumed;
    /// Told of each request that was not for who made it.
    std::function<void(const Requester&, const Request&)> refused;
    /// Events that are missing in the audit file.
    std::function<std::uint64_t()> audit_lost;
    std::function<WireStats()> wire;
    std::function<AsideStats()> aside;
    std::function<RuleStats()> rule_stats;
    /// A fresh one for each request, for each may take a limited time only.
    std::function<LookUp()> look_up;
    /// Whether conntrack says that this machine changes the flow's sequence numbers behind the forward hook.
    std::function<bool(const engine::FlowReport&)> shifted;
    /// "enforce" or "observe".
    std::function<std::string()> mode;
    /// The file of the configuration, and every key with the value in force.
    std::function<ConfigText()> config;
    /// The names of the policies in force, in their order.
    std::function<std::vector<std::string>()> policies;
    /// Those of policies that were in force once: events may still name them.
    std::function<std::vector<std::string>()> past_policies;
    /// What has happened on the control thread; may be null.
    const observe::Feed* feed = nullptr;
    std::string version;
};

struct Options {
    std::size_t max_connections = 64;
    std::size_t reserved_connections = 8;  // of these, for those who may change something
    std::size_t user_connections = 16;     // of one user; root and the daemon's own have no limit
    std::size_t max_request = kMaxRequest;
    int max_bad_requests = 10;
    std::chrono::milliseconds request_timeout =
        std::chrono::seconds(10);  // from a line's first byte to its last
    std::chrono::milliseconds write_timeout =
        std::chrono::seconds(10);                                      // without the client reading anything
    std::chrono::milliseconds idle_timeout = std::chrono::minutes(5);  // between requests
    /// An idle connection gives way after this when there is no place for another one.
    std::chrono::milliseconds idle_patience = std::chrono::seconds(5);
    std::chrono::milliseconds shard_timeout = std::chrono::seconds(5);
    std::size_t max_groups = kMaxGroups;
    std::size_t max_followers = 16;                 // of the events
    std::size_t reserved_followers = 4;             // of these, for those who may change something
    std::chrono::milliseconds event_interval{100};  // in which they are told more
    std::uint32_t batch_slots = 16;                 // a shard looks at so many between two bursts of packets
};

struct Context {
    std::vector<shard::Handle> shards;
    Hooks hooks;
    Options options;
    Access access;
    std::shared_ptr<std::size_t> followers = std::make_shared<std::size_t>(0);
    /// Made while there is memory: the answer when there is none.
    std::string without_memory =
        error_line({ErrorCode::busy, "finwaitd has not enough memory for this answer; try again later", 0});
    std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();

    /// The daemon ends. A request may still wait for a shard, and find then that its client is gone.
    void forget() {
        std::string version = std::move(hooks.version);
        hooks = {};
        hooks.version = std::move(version);
    }
};

}  // namespace finwait::control
