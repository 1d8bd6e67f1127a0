// What the engine tells of itself: flows as values, and counters. Everything the control plane and the replay
// show.
#pragma once

#include "flow/phase.hpp"
#include "flow/trail.hpp"
#include "policy/lasting.hpp"
#include "policy/subject.hpp"
#include "tcp/seq.hpp"
#include "tcp/state.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::engine {

/// Names a flow for as long as it lives, and never another one: slot and shard, and how often the slot was
/// used before.
struct FlowId {
    std::uint32_t slot = 0;  // the shard's number in the top 8 bits
    std::uint32_t generation = 0;

    [[nodiscard]] std::uint8_t shard() const { return static_cast<std::uint8_t>(slot >> 24U); }
    /// "3f2a-17": the slot in hexadecimal, the generation in decimal.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] static std::optional<FlowId> parse(std::string_view text);

    friend bool operator==(FlowId, FlowId) = default;
};

/// What is known of one side's numbers; empty where nothing is.
struct SideReport {
    std::optional<tcp::Seq> next;         // end of the highest sequence space that it has sent
    std::optional<tcp::Seq> ack;          // the highest acknowledgment that it has sent
    std::optional<tcp::Seq> fin;          // end of its FIN
    bool fin_acknowledged = false;        // the peer's acknowledgment of it has passed
    std::optional<std::uint16_t> window;  // as last sent, unscaled
    std::optional<std::uint8_t> scale;
    bool timestamps = false;
    bool sack = false;
    bool exact = false;  // the numbers above are current, not remembered from before the fast path
};

struct FlowReport {
    FlowId id;
    policy::Subject subject;
    std::array<SideReport, 2> side;      // by tcp::Role
    std::optional<Duration> expires_in;  // until the policy acts or the flow is forgotten; empty: never
    bool adopted = false;
    Instant opened;
    flow::Trail trail;            // the last steps of both sides
    bool fast_path = false;       // the kernel passes its segments by us until the next SYN, FIN or RST
    std::string_view cannot_end;  // why a kill would not be accepted; static text, empty: it would
    flow::Outcome outcome = flow::Outcome::none;  // of the last reset
};

/// What became of asking a side.
enum class Answer : std::uint8_t {
    alive,              // it answered
    orphan,             // it answered as a record whose application has closed both ways
    gone,               // it answered by RST
    silent,             // it left all attempts unanswered
    unreachable,        // and the network reported that it cannot be reached
    gone_after_reset,   // asked after our RST, it answered by RST: this confirms it
    alive_after_reset,  // or otherwise
};

inline constexpr std::size_t kAnswerCount = 7;
inline constexpr std::array<std::string_view, kAnswerCount> kAnswerNames = {
    "alive", "orphan", "gone", "silent", "unreachable", "gone_after_reset", "alive_after_reset"};

/// Monotonic counters of one shard; they only grow.
struct Counters {
    std::uint64_t packets_seen = 0;
    std::uint64_t packets_invalid =
        0;  // fail the window test or contradict the state: forwarded, change nothing
    std::uint64_t packets_unparsed = 0;   // not TCP, truncated or garbled: forwarded
    std::uint64_t packets_untracked = 0;  // belong to no flow that could be tracked: the table was full
    std::uint64_t flows_opened = 0;
    std::uint64_t flows_adopted = 0;
    std::uint64_t flows_evicted = 0;  // unfinished handshakes and finished flows that made room
    std::uint64_t half_closed = 0;    // times that a flow became half-closed
    std::uint64_t expired = 0;        // half-closed flows whose policy's time was up
    std::uint64_t observed = 0;       // of these, the ones that `observe` kept from being reset
    std::uint64_t probes_sent = 0;
    std::uint64_t probes_unreachable = 0;  // ICMP errors that answered a probe
    std::uint64_t probes_unsent = 0;       // did not leave this machine; not among those sent
    std::uint64_t probes_delayed = 0;      // times that `probes_per_second` made a flow wait
    std::uint64_t resets_sent = 0;         // segments
    std::uint64_t resets_unsent = 0;       // segments that did not leave this machine; not among those sent
    std::uint64_t resets_confirmed = 0;    // flows
    std::uint64_t resets_unconfirmed = 0;  // flows: sent, and nothing contradicted it
    std::uint64_t resets_refused = 0;      // flows: a side goes on living
    std::uint64_t resets_delayed = 0;      // times that `resets_per_second` made a flow wait
    std::uint64_t resets_held_back = 0;    // times that its source's part of breaker_share made a flow wait
    std::uint64_t crowded = 0;         // flows beyond half_closed_per_source, to be asked before their time
    std::uint64_t shifted = 0;         // flows left alone for Ambiguity::numbers
    std::uint64_t shared = 0;          // flows left alone for Ambiguity::ends
    std::uint64_t strangers = 0;       // segments without SYN that belonged to no flow
    std::uint64_t packets_lost = 0;    // passed unseen because the queue was full
    std::uint64_t events_lost = 0;     // too many at a time to be told
    std::uint64_t memory_refused = 0;  // times that there was no memory for a task
    std::array<std::uint64_t, kAnswerCount> answers{};  // sides, by Answer

    Counters& operator+=(const Counters& more);
};

/// How things stand now.
struct Gauges {
    std::uint64_t flows = 0;
    std::uint64_t limit = 0;
    std::uint64_t half_closed = 0;
    std::array<std::uint64_t, 2> half_closed_by{};  // of these, by the closer's tcp::Role
    std::uint64_t fast_path = 0;
    /// Sides in each state, by role and state: every flow counts once as a client and once as a server.
    std::array<std::array<std::uint64_t, tcp::kStateCount>, 2> sides{};

    Gauges& operator+=(const Gauges& more);
};

/// Counts of one policy.
struct PolicyCounts {
    std::uint64_t flows = 0;        // now
    std::uint64_t half_closed = 0;  // times
    std::uint64_t asked = 0;        // times that both sides were asked
    std::uint64_t expired = 0;
    std::uint64_t reset = 0;      // flows
    std::uint64_t confirmed = 0;  // this and the next two: flows, as in Counters
    std::uint64_t unconfirmed = 0;
    std::uint64_t refused = 0;
    std::uint64_t observed = 0;    // times that a flow would have been reset
    std::uint64_t right = 0;       // of these: nothing came any more, or only what changes nothing
    std::uint64_t regret = 0;      // of these: the flow went on, or was closed in good order
    bool stopped = false;          // its breaker is open
    policy::Lasting lasted;        // half-closes that came to a good end: how long they were
    policy::Lasting longest_idle;  // the same ones: their longest time without progress

    PolicyCounts& operator+=(const PolicyCounts& more);
};

}  // namespace finwait::engine
