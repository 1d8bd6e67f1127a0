// The stages of the reaper's machine: asking (asking.cpp), what is heard meanwhile (hearing.cpp), resetting
// and confirming (ending.cpp).
#pragma once

#include "reaper/reaper.hpp"

namespace finwait::reaper {

/// Whether its time is up in the way that asks; otherwise it is only asked where its numbers are not sure.
[[nodiscard]] bool asks_by_policy(const flow::Record& record, const Circumstances& around);
/// Adds the step that the flow's time is up, once.
void note_expired(flow::Record& record, Decision& out);
/// Opens an inquiry, if the rate of probes allows it now. REQUIRES: the flow is half-closed.
[[nodiscard]] Decision begin_asking(flow::Record& record, flow::Occasion occasion,
                                    const Circumstances& around);
/// It is being asked where it stands; each side had its last probe at `asked`.
void resume_asking(flow::Record& record, Instant asked, Instant now);
[[nodiscard]] Decision go_on_asking(flow::Record& record, const Circumstances& around);
/// Ends an inquiry without doing anything: the flow is asked again later, or, whoever wanted its end, after a
/// quarter of an hour at least.
[[nodiscard]] Decision leave(flow::Record& record, std::string_view reason, const Circumstances& around);
[[nodiscard]] Decision leave_for_long(flow::Record& record, std::string_view reason,
                                      const Circumstances& around);

/// An inquiry has shown that the flow is over: `target` is reset, unless it has got a real RST from its peer.
[[nodiscard]] Decision end_one(flow::Record& record, tcp::Role target, std::string_view reason,
                               const Circumstances& around);
/// The same for both sides, or for those that the policy names. A side that did not answer is reset too,
/// whatever the policy: perhaps only its answers are lost.
[[nodiscard]] Decision end_both(flow::Record& record, flow::Cause cause, std::string_view reason,
                                const Circumstances& around);
void begin_resetting(flow::Record& record, policy::ResetSides sides, flow::Cause cause,
                     std::string_view reason, Instant now);
[[nodiscard]] Decision go_on_resetting(flow::Record& record, const Circumstances& around);
/// `target` has got a real RST, and none of ours.
void begin_confirming(flow::Record& record, tcp::Role target, Instant now);
[[nodiscard]] Decision go_on_confirming(flow::Record& record, const Circumstances& around);

/// A share of `span` that is this flow's own and always the same, so that flows whose time comes together do
/// not send together.
[[nodiscard]] Duration jitter(const flow::Record& record, std::uint32_t attempt, Duration span);
/// Uses up places for probes or resets. False: the flow has to wait for its turn.
[[nodiscard]] bool take_turn(const flow::Record& record, const Circumstances& around, Limit limit,
                             unsigned places);
/// The decision of a flow that has to.
[[nodiscard]] Decision wait_for_turn(const flow::Record& record, const Circumstances& around, Limit limit);

/// Takes back that `peer` is silent, and all of its attempts but one. No probe could leave for the other
/// side: then the replies of `peer`, which are for that side, may not get through to us. Without a route, or
/// with the link down, they do not reach the forward hook.
void excuse_peer(flow::Inquiry& peer);

[[nodiscard]] Heard hear_rst(flow::Record& record, tcp::Role from, const tcp::Segment& segment);
[[nodiscard]] Heard hear_ack(flow::Record& record, tcp::Role from, const tcp::Segment& segment, Instant now);

}  // namespace finwait::reaper
