// What to do with a half-closed flow whose time is up: a small machine, watching → probing → resetting →
// confirming → gone. It asks both sides, ends the flow only on evidence and at a moment in which a reset is
// exact and harms nothing, and then makes sure. It returns what to do next and sends nothing itself. RFC 9293
// section 3.10.7, RFC 5961 section 3.
#pragma once

#include "flow/record.hpp"
#include "policy/breaker.hpp"
#include "policy/timeouts.hpp"
#include "reaper/decision.hpp"
#include "reaper/pace.hpp"
#include "tcp/segment.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace finwait::reaper {

/// What keeps a reset from being exact or harmless at this moment.
enum class Obstacle : std::uint8_t {
    none,
    untouchable,      // a side drops what we make (MD5, AO), it is one of several (MPTCP), or ambiguous
    numbers_unknown,  // something passed unseen since the numbers were heard
    data_in_flight,   // data towards a side is not acknowledged yet
    not_quiet,        // a segment has passed just now
};

/// What stands around the flow.
struct Circumstances {
    Instant now;
    const policy::Timeouts& timeouts;
    bool observe;                           // nothing may be sent
    RateLimit& resets;                      // how many flows may be reset in a second
    RateLimit& probes;                      // how many probes may be sent in a second
    policy::Breaker& breaker;               // of the flow's policy
    double breaker_share;                   // of the table, that a policy may end within a minute
    std::uint64_t flows;                    // in the table, without those that give way to others
    std::array<std::uint64_t, 2> source{};  // a keyed hash of each side's source, by Role
    bool granted = false;                   // it has waited for a rate limit, and it is its turn
};

/// How long both directions must have been silent before a reset: what is in flight has then arrived.
inline constexpr Duration kQuiet = std::chrono::seconds(1);
/// The same for a flow that is to end although it is in use: on request, or by fin_wait_2_max.
inline constexpr Duration kBriefQuiet = std::chrono::milliseconds(100);
/// So long fin_wait_2_max waits for such a pause. After that any moment without data in flight will do.
inline constexpr Duration kPatience = std::chrono::seconds(5);
/// So long data may go on waiting after the closer's window has opened: the update may have got lost, and a
/// window smaller than a segment is used only when the sender's persist timer runs out (Linux: TCP_RTO_MAX at
/// most).
inline constexpr Duration kAfterOpening = std::chrono::seconds(30);
inline constexpr Duration kAfterSmallOpening = std::chrono::minutes(2);
/// Between an RST and the probe that makes sure: Linux answers a socket's out-of-window segments twice a
/// second at most.
inline constexpr Duration kBeforeConfirming = std::chrono::milliseconds(600);
/// How long an answer may take.
inline constexpr Duration kAnswerTime = std::chrono::seconds(1);
/// Both sides live: they are left alone for so long at least, so that FreeBSD's FIN_WAIT_2 timer (10 minutes
/// of silence) is not kept from running out by our asking.
inline constexpr Duration kLeaveAlone = std::chrono::minutes(15);
inline constexpr std::uint8_t kMaxAttempts = 5;
/// A flow of a source that has too many is asked once it has made no progress for so long.
inline constexpr Duration kIdleEnough = std::chrono::seconds(10);
/// Segments to one side that do not leave this machine, one after another, before the flow is left.
inline constexpr std::uint8_t kMostUnsent = 8;
/// How often a flow whose policy is stopped, or that is spared, looks whether that still holds.
inline constexpr Duration kStoppedFor = std::chrono::minutes(1);

/// Whether a side drops what we make, or the flow is one of several: such flows are only reported.
[[nodiscard]] bool untouchable(const tcp::Connection& connection);
/// Whether finwaitd only reports this flow: as above, or because what the forward hook shows of it is
/// ambiguous.
[[nodiscard]] bool untouchable(const flow::Record& record);

/// Its numbers are only remembered, or its FIN is known by conntrack's word alone: both sides are to say
/// first where they stand.
[[nodiscard]] bool unverified(const tcp::Connection& connection);
/// The same, and there are sides to ask.
[[nodiscard]] bool to_be_verified(const flow::Record& record);

/// Whether it is half-closed by conntrack's report alone: no segment has shown the FIN, and no socket of this
/// machine has told of it.
[[nodiscard]] bool only_reported(const flow::Record& record);

[[nodiscard]] Obstacle obstacle(const flow::Record& record, Duration quiet, Instant now);

/// Whether nobody can say what the closer's window is: what passed unseen may have closed it.
[[nodiscard]] bool window_unknown(const flow::Record& record);

/// Whether data may wait at the holder for the closer's window: it is 0, not known, or was opened a while ago
/// and the holder has sent nothing since. No timeout ends such a flow. It lasts as long as the receiving
/// application does not read (RFC 9293 section 3.8.6.1).
[[nodiscard]] bool window_closed(const flow::Record& record, Instant now);

/// Waits for a moment without data in flight: it is to decide again after each segment.
[[nodiscard]] bool awaits_moment(const flow::Record& record);

/// Notes that the closer's window was 0 and is not any more.
void note_window(flow::Record& record, bool was_closed, Instant now);
/// Whether the closer's window is 0 by its last acknowledgment.
[[nodiscard]] bool zero_window(const flow::Record& record);

/// When the time of a half-closed flow is up by its timeouts alone.
[[nodiscard]] Instant own_time(const flow::Record& record, const policy::Timeouts& timeouts);
/// When a half-closed flow is to be asked or ended: at its own time, or earlier.
[[nodiscard]] Instant due(const flow::Record& record, const policy::Timeouts& timeouts);

/// How urgent it is what a flow has to send.
[[nodiscard]] Urgency urgency(const flow::Record& record);

/// What to do with a flow that is half-closed, or that is being ended. Moves the machine on.
[[nodiscard]] Decision decide(flow::Record& record, const Circumstances& around);

/// What a segment means to the machine.
enum class Heard : std::uint8_t {
    nothing,  // it is not for us
    pass,     // an answer that the peer shall have: a real RST, or one that may be meant for it
    share,    // an answer to us alone that tells the peer something new: it is passed on, but is no traffic
    consume,  // an answer to us alone: it must not reach the peer
};

/// What was heard before a loss says nothing of where the sides of a flow that is being reset stand now.
void forget_corrections(flow::Record& record);

/// Takes note of a segment from `from` before the tracker sees it.
[[nodiscard]] Heard hear(flow::Record& record, tcp::Role from, const tcp::Segment& segment, Instant now);

/// Takes note of an ICMP error by which a segment with the number `seq` did not reach `side`. It concerns us
/// when that was a probe which is still out.
[[nodiscard]] Heard hear_unreachable(flow::Record& record, tcp::Role side, tcp::Seq seq);

/// Takes note that `segment`, which was to go to `side`, did not leave this machine: a probe that was not
/// sent was no attempt, and an RST that was not sent has ended nothing. Both are sent again. When to decide
/// again; empty when the segment is not the last one of ours to that side.
[[nodiscard]] std::optional<Instant> note_unsent(flow::Record& record, tcp::Role side,
                                                 const tcp::Segment& segment, Duration probe_interval,
                                                 Instant now);

/// Takes note of what the machine of `side` says of its socket: alive, orphan or gone. It counts as the
/// answer to what is outstanding, but no segment of it has gone to the peer.
void hear_word(flow::Record& record, tcp::Role side, flow::Evidence word, Instant now);

/// A side has sent an RST while it was not known yet where the two stand. If its peer is a socket of this
/// machine, the ACK that we made that socket send has drawn the RST: the end is our doing, and from now on
/// that machine is asked whether its socket is gone. False when it is the side's own doing.
[[nodiscard]] bool take_drawn_reset(flow::Record& record, tcp::Role from, Instant now);

/// The flow's sides were asked by another engine, which has just given the flow away: they are asked again as
/// if by this one, and an RST that has come meanwhile, or comes until then, was drawn by that. REQUIRES: it
/// is half-closed, or finished by an RST, with `closer` as its closer.
void take_over_asking(flow::Record& record, tcp::Role closer, Duration probe_interval, Instant now);

/// What was to be sent waits to leave: until let_go() the time of the inquiry stands still, for nobody can
/// answer what has not been sent.
void hold(flow::Record& record, Instant now);
void let_go(flow::Record& record, Instant now);
[[nodiscard]] bool held(const flow::Record& record);

/// The flow is being asked or reset, and no side is known to be gone by that. Who speaks now is not gone,
/// whatever was taken for its answer.
[[nodiscard]] bool undecided(const flow::Record& record, std::optional<tcp::Role> speaker = {});

/// The flow has made progress: whatever was being asked, it lives.
void revive(flow::Record& record);

}  // namespace finwait::reaper
