#include "reaper/conclusion.hpp"

#include "reaper/reaper.hpp"
#include "tcp/report.hpp"
#include "tcp/tracker.hpp"

#include <algorithm>
#include <cassert>

namespace finwait::reaper {

namespace {

using flow::Cause;
using flow::Evidence;
using flow::Inquiry;
using flow::Occasion;
using flow::Purpose;
using flow::Record;
using policy::Timeouts;
using tcp::Role;

constexpr std::string_view kAliveTooLong = "both sides answer, and there has been no progress for alive_max";
constexpr std::string_view kUnreachableTooLong =
    "a side cannot be reached or heard, and there has been no progress for alive_max";
constexpr std::string_view kWindowClosed =
    "both sides are there, and the closer's window is closed: data may wait for it";
constexpr std::string_view kReported =
    "both sides answer, and only conntrack reports that one of them has closed: perhaps neither has";
constexpr std::string_view kUnverified =
    "segments have passed unseen and the sides have not both said since where they stand: no reset is exact";
constexpr std::string_view kSilentTooEarly =
    "a side has not answered, and silence counts only when the connection's own time is up";

bool any(const Record& record, Evidence evidence) {
    return std::ranges::any_of(record.reaping.side, [=](const Inquiry& i) { return i.evidence == evidence; });
}

Conclusion unverifiable() {
    return {.next = Next::leave_for_long, .reason = kUnverified};
}

/// Of an orphan's record all answers have IPv4 id 0: one that had it is asked for another.
bool wants_another_id(const Record& record, const Judgement& j, const Timeouts& t) {
    const Inquiry& closer = record.reaping.of(record.reaping.closer);
    return t.orphan_test != policy::OrphanTest::off && j.closer == Evidence::alive &&
           closer.zero_id_at != Instant::never() && !closer.id_asked;
}

/// Whether the near-miss can tell more than is known. A machine that was asked itself has told an orphan from
/// the living already.
bool wants_test(const Record& record, const Judgement& j, const Timeouts& t) {
    const Inquiry& closer = record.reaping.of(record.reaping.closer);
    return t.orphan_test == policy::OrphanTest::active && j.closer == Evidence::alive &&
           !closer.near_missed && !closer.by_word && closer.unsent < kMostUnsent;
}

/// No RST is exact before both sides have said where they stand; an answer that is still out may say it.
Conclusion end_both(const Record& record, Cause cause, std::string_view reason) {
    if (!unverified(record.connection)) return {.next = Next::end_both, .reason = reason, .cause = cause};
    return any(record, Evidence::unknown) ? Conclusion{.next = Next::ask} : unverifiable();
}

/// Nothing is proven against the flow: it is left, unless it has been so for too long.
Conclusion spare(const Record& record, const Judgement& j, const Timeouts& t, Instant now) {
    if (unverified(record.connection)) return unverifiable();
    if (wants_another_id(record, j, t)) return {.next = Next::ask_another_id};
    const bool too_long = now >= record.last_progress + t.alive_max;
    const bool spared = only_reported(record) || window_closed(record, now);
    const bool unreachable = j.closer == Evidence::unreachable || j.holder == Evidence::unreachable;
    if (too_long && !spared)
        return end_both(record, Cause::alive_too_long, unreachable ? kUnreachableTooLong : kAliveTooLong);
    if (wants_test(record, j, t)) return {.next = Next::test};
    if (unreachable) return {.next = Next::leave, .reason = j.reason};
    if (only_reported(record)) return {.next = Next::withdraw_report, .reason = kReported};
    return {.next = Next::leave, .reason = too_long ? kWindowClosed : j.reason};
}

Conclusion act_on(const Record& record, const Judgement& j, const Timeouts& t, Instant now) {
    const Role closer = record.reaping.closer;
    // What an answer proves does not count for the breaker: silence of the other side is no reason not to
    // ask.
    if (j.act == Act::reset_both && !unverified(record.connection)) {
        if (wants_another_id(record, j, t)) return {.next = Next::ask_another_id};
        if (wants_test(record, j, t)) return {.next = Next::test};
    }
    switch (j.act) {
        case Act::wait: return {.next = Next::ask};
        case Act::leave: return spare(record, j, t, now);
        case Act::reset_closer: return {.next = Next::end_one, .reason = j.reason, .target = closer};
        case Act::reset_holder: return {.next = Next::end_one, .reason = j.reason, .target = other(closer)};
        case Act::reset_both: return end_both(record, Cause::evidence, j.reason);
        case Act::forget: return {.next = Next::forget, .reason = j.reason};
    }
    return {};
}

/// The flow is known by a report. What was asked is where both sides stand, not whether they live: its time
/// is not up. Only where a side has said that it knows no such connection nothing is left to wait for.
Conclusion conclude_report(const Record& record, const Timeouts& t, Instant now) {
    if (any(record, Evidence::unknown)) return {.next = Next::ask};
    const flow::Reaping& reaping = record.reaping;
    const Judgement& j =
        judge(reaping.of(reaping.closer).evidence, reaping.of(other(reaping.closer)).evidence);
    const bool exact = tcp::exact(record.connection);
    if (j.act == Act::forget || (any(record, Evidence::gone) && exact)) return act_on(record, j, t, now);
    return exact ? Conclusion{.next = Next::decide_anew} : unverifiable();
}

/// The flow is asked before its time, because its source has too many. Only an answer proves that it is over:
/// silence, and the word of routers, would end what somebody else has made to be asked.
Conclusion conclude_early(const Record& record, const Judgement& j, const Timeouts& t, Instant now) {
    const bool proven =
        j.closer == Evidence::gone || j.holder == Evidence::gone || j.closer == Evidence::orphan;
    if (j.act == Act::wait || proven) return act_on(record, j, t, now);
    if (wants_another_id(record, j, t)) return {.next = Next::ask_another_id};
    const bool silent = j.closer == Evidence::silent || j.holder == Evidence::silent;
    return {.next = Next::leave_until_due, .reason = silent ? kSilentTooEarly : j.reason};
}

}  // namespace

/// An orphan counts as one only where the policy lets the test, and not before the numbers are known.
Evidence evidence_of(const Record& record, Role role, const Timeouts& t) {
    const Evidence e = record.reaping.of(role).evidence;
    const bool counts =
        t.orphan_test != policy::OrphanTest::off && record.reaping.purpose == Purpose::liveness;
    return e == Evidence::orphan && !counts ? Evidence::alive : e;
}

Conclusion conclude_inquiry(const Record& record, const Timeouts& t, Instant now) {
    assert(record.reaping.phase == flow::Phase::probing);
    const flow::Reaping& reaping = record.reaping;
    const bool gone = any(record, Evidence::gone);
    if (!gone && tcp::closer(record.connection) != reaping.closer) return {.next = Next::watch_on};
    if (reaping.occasion == Occasion::report) return conclude_report(record, t, now);
    // An operator has asked for its end meanwhile: that needs no evidence, only exact numbers.
    if (!gone && reaping.requested && tcp::exact(record.connection)) return {.next = Next::decide_anew};
    const bool known = tcp::exact(record.connection) && !window_unknown(record);
    if (!gone && reaping.purpose == Purpose::position && known) return {.next = Next::decide_anew};
    const Judgement& j =
        judge(evidence_of(record, reaping.closer, t), evidence_of(record, other(reaping.closer), t));
    if (!gone && reaping.occasion == Occasion::gap && j.act != Act::wait) return {.next = Next::watch_on};
    const bool early = reaping.occasion == Occasion::crowded && now < own_time(record, t);
    return early ? conclude_early(record, j, t, now) : act_on(record, j, t, now);
}

}  // namespace finwait::reaper
