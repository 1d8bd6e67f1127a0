// What an inquiry comes to: a function of what is known, the policy and the time. It changes nothing.
#pragma once

#include "flow/record.hpp"
#include "policy/timeouts.hpp"
#include "reaper/judgement.hpp"

#include <cstdint>
#include <string_view>

namespace finwait::reaper {

/// What is to be done with a flow that is being asked.
enum class Next : std::uint8_t {
    watch_on,         // it has moved on by itself, or its time is not up: watch it until it is due
    decide_anew,      // where both sides stand is known now: decide as if it had not been asked
    ask,              // something is still open: ask again those of whom nothing is known
    ask_another_id,   // ask the closer for a second IPv4 id
    test,             // send the closer a near-miss
    leave,            // nothing is proven against it: ask again later
    leave_until_due,  // it was asked before its time: ask again when that is up
    leave_for_long,   // it cannot be ended, not even on request: a quarter of an hour at least
    withdraw_report,  // both sides answer, and only conntrack has reported that one has closed
    end_one,          // reset Conclusion::target alone
    end_both,         // reset both sides, or those that the policy names
    forget,           // neither side's connection exists: nobody is left to be reset
};

struct Conclusion {
    Next next = Next::ask;
    std::string_view reason = {};               // static text
    flow::Cause cause = flow::Cause::evidence;  // with end_both
    tcp::Role target = tcp::Role::client;       // with end_one
};

/// What a side has shown, as far as it counts under the policy.
[[nodiscard]] flow::Evidence evidence_of(const flow::Record& record, tcp::Role role,
                                         const policy::Timeouts& timeouts);

/// REQUIRES: the flow is being asked (flow::Phase::probing).
[[nodiscard]] Conclusion conclude_inquiry(const flow::Record& record, const policy::Timeouts& timeouts,
                                          Instant now);

}  // namespace finwait::reaper
