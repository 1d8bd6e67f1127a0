// What to do with a flow whose time is up: wait for a moment in which a reset is exact and harms nothing,
// send it, see whether somebody goes on living. A small machine that returns what to do next; it sends
// nothing itself. RFC 9293 section 3.10.7 and RFC 5961 section 3 say which RST a receiver takes.
#pragma once

#include "flow/record.hpp"
#include "policy/timeouts.hpp"
#include "tcp/segment.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace finwait::reaper {

/// What keeps a reset from being exact or harmless at this moment.
enum class Obstacle : std::uint8_t {
    none,
    untouchable,      // a side drops segments that we make (MD5, AO), or the flow is one of several (MPTCP)
    numbers_unknown,  // something passed unseen since the numbers were heard
    data_in_flight,   // data towards a side is not acknowledged yet
    not_quiet,        // a segment has passed just now
};

enum class Step : std::uint8_t {
    wait,         // nothing yet
    send,         // send the RSTs
    record,       // the policy only observes: note that it would have been reset
    unconfirmed,  // the RSTs were sent, and nothing came back: taken to be gone
    refused,      // a side has outlived every RST
};

struct Decision {
    Step step = Step::wait;
    Instant again = Instant::never();  // when to decide again
    std::string_view reason;           // static text, for `send` and `record`
};

/// How long both directions must have been silent before a reset: what is in flight has then arrived.
inline constexpr Duration kQuiet = std::chrono::seconds(1);
/// The same for a flow that is to end although it is in use: on request, or by fin_wait_2_max.
inline constexpr Duration kBriefQuiet = std::chrono::milliseconds(100);
/// How long a challenge ACK (RFC 5961 section 3) may take to come back.
inline constexpr Duration kSettle = std::chrono::seconds(2);
inline constexpr std::uint8_t kMaxAttempts = 3;

/// Whether a side drops what we make, or the flow is one of several: such flows are only reported.
[[nodiscard]] bool untouchable(const tcp::Connection& connection);

[[nodiscard]] Obstacle obstacle(const flow::Record& record, Duration quiet, Instant now);

/// When the time of a half-closed flow is up by its timeouts.
[[nodiscard]] Instant due(const flow::Record& record, const policy::Timeouts& timeouts);

/// What to do with a flow that is half-closed or that an operator wants ended.
[[nodiscard]] Decision decide(const flow::Record& record, const policy::Timeouts& timeouts, bool observe,
                              Instant now);

/// Notes that the RSTs of a `send` went out.
void sent(flow::Record& record, Instant now);
/// Notes that a side sent a segment other than RST.
void heard(flow::Record& record);

struct Resets {
    std::array<tcp::Segment, 2> segment;
    std::size_t count = 0;
};

/// The RSTs that end a flow: to each chosen side in the other's name, at exactly the number that it expects
/// next.
[[nodiscard]] Resets resets(const flow::Record& record, policy::ResetSides sides);

}  // namespace finwait::reaper
