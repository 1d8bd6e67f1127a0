// Asking both sides: who is asked when, how often, and what it means that nothing comes.

#include "reaper/conclusion.hpp"
#include "reaper/probe.hpp"
#include "reaper/stages.hpp"
#include "tcp/position.hpp"
#include "tcp/report.hpp"
#include "tcp/tracker.hpp"

#include <algorithm>
#include <cassert>

namespace finwait::reaper {

namespace {

using flow::Evidence;
using flow::Inquiry;
using flow::Occasion;
using flow::Phase;
using flow::Purpose;
using flow::Record;
using tcp::Role;

constexpr std::string_view kVerifying =
    "segments may have passed unseen: both sides are asked first where they stand";
constexpr std::string_view kCatchingUp = "segments have passed unseen: both sides are asked where they stand";
constexpr std::string_view kSettling =
    "it is half-closed by conntrack's word alone: both sides are asked where they stand";
constexpr std::string_view kSettlingSocket =
    "it is half-closed by the word of this machine's own socket alone: both sides are asked where they stand";
constexpr std::string_view kCrowded =
    "its source has more than half_closed_per_source half-closed connections: both sides are asked";
constexpr std::string_view kAsking = "its time is up: both sides are asked";
constexpr std::string_view kUnsent =
    "probes did not leave this machine: its own queue was full, or it refused to send them";

constexpr std::string_view kAgain = "it has not answered yet";
constexpr std::string_view kAnotherId = "its answer had IPv4 id 0: does the next one have it, too?";
constexpr std::string_view kTest = "both sides answer: does the closer's application still read?";
constexpr std::string_view kSilent = "it has answered none of its attempts";
constexpr std::string_view kUnreachable =
    "it has not answered, and the network reports that it cannot be reached";
constexpr std::string_view kDeaf =
    "it has not answered, but its answers may not come to finwaitd: after a forged RST or SYN conntrack may "
    "find "
    "them invalid";

/// The machine of a socket that is here says more of it than an answer does, but not its numbers: where these
/// are wanted, too, they come first.
bool verifies_first(const Record& record) {
    return tcp::in_doubt(record.connection) && (record.low_is_local || record.high_is_local);
}

Purpose purpose_of(const Record& record, Occasion occasion, const Circumstances& around) {
    switch (occasion) {
        case Occasion::report:
        case Occasion::gap: return Purpose::position;
        case Occasion::crowded: return Purpose::liveness;
        case Occasion::due: break;
    }
    const bool known = tcp::exact(record.connection) && !window_unknown(record);
    if (known && only_reported(record)) return Purpose::liveness;
    return asks_by_policy(record, around) && !verifies_first(record) ? Purpose::liveness : Purpose::position;
}

std::string_view reason_to_settle(const Record& record) {
    return record.closed_by_socket ? kSettlingSocket : kSettling;
}

std::string_view reason_to_ask(const Record& record, Purpose purpose, Occasion occasion) {
    switch (occasion) {
        case Occasion::report: return reason_to_settle(record);
        case Occasion::gap: return kCatchingUp;
        case Occasion::crowded: return kCrowded;
        case Occasion::due: break;
    }
    return purpose == Purpose::liveness ? kAsking : kVerifying;
}

void ask(Record& record, Role role, Instant now, Decision& out) {
    Inquiry& inquiry = record.reaping.of(role);
    inquiry.asked = now;
    inquiry.outstanding = true;
    // What its peer has just sent may still be without an answer, and there may be only one for both.
    inquiry.crossed = now < record.last_from[tcp::index(other(role))] + kAnswerTime;
    if (!inquiry.retry) inquiry.unsent = 0;
    if (inquiry.retry) excuse_peer(record.reaping.of(other(role)));
    inquiry.retry = false;
    ++inquiry.probes;
    const tcp::Segment probe = probe_towards(record, role);
    out.segments.add(probe);
    out.steps.add({.did = Did::ask,
                   .side = role,
                   .attempt = inquiry.probes,
                   .reason = inquiry.id_asked ? kAnotherId : kAgain});
    inquiry.guessed = guesses(record, role);
    if (inquiry.guessed) inquiry.number = probe.ack;
}

/// Whether an operator, or the clock that holds whatever the sides answer, wants the flow's end.
bool to_end_unproven(const Record& record, const Circumstances& around) {
    return record.reaping.requested || around.now >= record.last_progress + around.timeouts.alive_max;
}

/// What it means that a side has had all its attempts. One that has answered before is there: hosts limit how
/// often they answer. ICMP errors are no proof that it is gone: paths come back (RFC 1122 section 4.2.3.9,
/// RFC 5927 section 5.2). It may still answer then. Nor is it one where its answers may not come to us; where
/// it stands is taken from its peer then only if the flow is to end without proof.
void give_up(Record& record, Role role, const Circumstances& around, Decision& out) {
    Inquiry& inquiry = record.reaping.of(role);
    const bool deaf = record.astray && tcp::in_doubt(record.connection);
    inquiry.outstanding = inquiry.reported || deaf;
    if (inquiry.outstanding)
        inquiry.evidence = Evidence::unreachable;
    else
        inquiry.evidence = inquiry.answered == Instant() ? Evidence::silent : Evidence::alive;
    if (!deaf || to_end_unproven(record, around)) tcp::excuse_silence(record.connection, role);
    if (!unheard(inquiry.evidence)) return;
    const std::string_view unreachable = inquiry.reported ? kUnreachable : kDeaf;
    const bool silent = inquiry.evidence == Evidence::silent;
    out.steps.add({.did = Did::give_up,
                   .side = role,
                   .attempt = inquiry.probes,
                   .evidence = inquiry.evidence,
                   .reason = silent ? kSilent : unreachable});
}

void ask_sides(Record& record, std::array<bool, 2> due, const Circumstances& around, Decision& out) {
    for (const Role role : {Role::client, Role::server})
        if (due[tcp::index(role)]) ask(record, role, around.now, out);
    out.again = std::min(out.again, around.now + around.timeouts.probe_interval);
    out.reason = record.reaping.reason;
}

/// Whether a side is to be asked now. Gives it up when it has had all its attempts; otherwise `out` says when
/// it is to be looked at again.
bool to_be_asked(Record& record, Role role, const Circumstances& around, Decision& out) {
    Inquiry& inquiry = record.reaping.of(role);
    if (inquiry.evidence != Evidence::unknown) return false;
    const Instant next = inquiry.asked + around.timeouts.probe_interval;
    if (inquiry.asked != Instant() && around.now < next) {
        out.again = std::min(out.again, next);
        return false;
    }
    if (inquiry.probes < around.timeouts.probe_attempts) return true;
    const Inquiry& peer = record.reaping.of(other(role));
    if (peer.retry && peer.evidence == Evidence::unknown) return false;  // nor may its answers come by
    give_up(record, role, around, out);
    out.again = around.now;
    return false;
}

/// It has been tried too often in a row: this machine cannot ask that side.
bool cannot_be_asked(const Inquiry& inquiry, const Circumstances& around) {
    return inquiry.evidence == Evidence::unknown && inquiry.retry && inquiry.unsent >= kMostUnsent &&
           around.now >= inquiry.asked + around.timeouts.probe_interval;
}

/// Probes the sides of which nothing is known yet, and gives up those that have had all their attempts.
Decision ask_the_unheard(Record& record, const Circumstances& around) {
    if (std::ranges::any_of(record.reaping.side,
                            [&](const Inquiry& i) { return cannot_be_asked(i, around); }))
        return leave_for_long(record, kUnsent, around);
    Decision out{.reason = record.reaping.reason};
    std::array<bool, 2> due{};
    for (const Role role : {Role::client, Role::server})
        due[tcp::index(role)] = to_be_asked(record, role, around, out);
    const auto sides = static_cast<unsigned>(std::ranges::count(due, true));
    if (sides == 0) return out;
    if (take_turn(record, around, Limit::probes, sides)) {
        ask_sides(record, due, around, out);
        return out;
    }
    const Decision later = wait_for_turn(record, around, Limit::probes);
    out.again = std::min(out.again, later.again);
    out.limit = later.limit;
    return out;
}

/// The last test before a half-close is believed to be alive; a challenge ACK or the answer to the next probe
/// says that the closer's socket is there, an RST that only a record was.
Decision test_closer(Record& record, const Circumstances& around) {
    if (!take_turn(record, around, Limit::probes, 1)) return wait_for_turn(record, around, Limit::probes);
    const Role role = record.reaping.closer;
    Inquiry& closer = record.reaping.of(role);
    closer.near_missed = true;
    closer.evidence = Evidence::unknown;
    closer.probes = 0;
    closer.outstanding = true;
    closer.crossed = false;
    closer.asked = around.now + kBeforeConfirming - around.timeouts.probe_interval;
    Decision out = wait_until(around.now + kBeforeConfirming, record.reaping.reason);
    out.segments.add(near_miss_towards(record, role));
    out.steps.add({.did = Did::test, .side = role, .reason = kTest});
    return out;
}

Decision ask_for_another_id(Record& record, const Circumstances& around) {
    Inquiry& closer = record.reaping.of(record.reaping.closer);
    closer.id_asked = true;
    closer.evidence = Evidence::unknown;
    closer.probes = 0;
    closer.asked = closer.zero_id_at + kBeforeConfirming - around.timeouts.probe_interval;
    return ask_the_unheard(record, around);
}

/// Where both sides stand is known. What is known by a report was asked before its time.
Decision decide_anew(Record& record, const Circumstances& around) {
    const Occasion occasion = record.reaping.occasion;
    const bool requested = record.reaping.requested;
    revive(record);
    record.reaping.expired = occasion == Occasion::due;
    if (occasion == Occasion::report) {
        record.reaping.not_before = around.now + kBeforeConfirming;  // an answer sooner would be held back
        if (!requested) return wait_until(record.reaping.not_before);
    }
    return decide(record, around);
}

Decision watch_on(Record& record, const Circumstances& around) {
    revive(record);
    return wait_until(due(record, around.timeouts));
}

Decision leave_until_due(Record& record, std::string_view reason, const Circumstances& around) {
    Decision out = leave(record, reason, around);
    record.reaping.not_before = own_time(record, around.timeouts);
    out.again = record.reaping.not_before;
    return out;
}

Decision withdraw_report(Record& record, std::string_view reason, const Circumstances& around) {
    Decision out = leave(record, reason, around);
    out.withdraw_report = true;
    return out;
}

Decision apply(Record& record, const Conclusion& c, const Circumstances& around) {
    switch (c.next) {
        case Next::watch_on: return watch_on(record, around);
        case Next::decide_anew: return decide_anew(record, around);
        case Next::ask: return ask_the_unheard(record, around);
        case Next::ask_another_id: return ask_for_another_id(record, around);
        case Next::test: return test_closer(record, around);
        case Next::leave: return leave(record, c.reason, around);
        case Next::leave_until_due: return leave_until_due(record, c.reason, around);
        case Next::leave_for_long: return leave_for_long(record, c.reason, around);
        case Next::withdraw_report: return withdraw_report(record, c.reason, around);
        case Next::end_one: return end_one(record, c.target, c.reason, around);
        case Next::end_both: return end_both(record, c.cause, c.reason, around);
        case Next::forget: return {.result = Result::confirmed, .again = around.now, .reason = c.reason};
    }
    return {};
}

/// A side that has said by RST that it is gone has no numbers to be asked for.
void excuse_the_gone(Record& record) {
    const auto unknown = [](const Inquiry& i) { return i.evidence == Evidence::unknown; };
    if (std::ranges::any_of(record.reaping.side, unknown)) return;
    for (const Role role : {Role::client, Role::server})
        if (record.reaping.of(role).evidence == Evidence::gone) tcp::excuse_silence(record.connection, role);
}

}  // namespace

/// A kill comes before its time.
void note_expired(Record& record, Decision& out) {
    if (record.reaping.requested) return;
    if (!record.reaping.expired) out.steps.add({.did = Did::expire});
    record.reaping.expired = true;
}

Decision leave(Record& record, std::string_view reason, const Circumstances& around) {
    const policy::Timeouts& t = around.timeouts;
    Instant again = around.now + std::max(kLeaveAlone, t.fin_wait_2);
    for (const Instant end : {record.last_progress + t.alive_max, record.half_closed_at + t.fin_wait_2_max})
        if (end > around.now) again = std::min(again, end);
    const std::array answered = {record.reaping.side[0].answered, record.reaping.side[1].answered};
    revive(record);
    record.reaping.since = around.now;
    record.reaping.reason = reason;
    for (std::size_t i = 0; i < answered.size(); ++i)
        record.reaping.side[i].answered = answered[i];
    // A policy that asks only because it is stopped goes its own way as soon as it is resumed.
    const bool asked_while_stopped = around.breaker.open() && t.on_expiry == policy::OnExpiry::reset;
    record.reaping.not_before = asked_while_stopped ? around.now : again;
    Decision out = wait_until(again, reason);
    out.steps.add({.did = Did::leave, .reason = reason});
    return out;
}

Decision leave_for_long(Record& record, std::string_view reason, const Circumstances& around) {
    record.reaping.requested = record.reaping.crowded = false;
    Decision out = leave(record, reason, around);
    record.reaping.not_before = around.now + std::max(kLeaveAlone, around.timeouts.fin_wait_2);
    out.again = record.reaping.not_before;
    return out;
}

Decision begin_asking(Record& record, Occasion occasion, const Circumstances& around) {
    assert(tcp::closer(record.connection));
    // It goes on being watched until its turn comes.
    if (!take_turn(record, around, Limit::probes, 2)) return wait_for_turn(record, around, Limit::probes);
    if (tcp::report_open(record.connection)) occasion = Occasion::report;
    flow::Reaping& reaping = record.reaping;
    reaping.purpose = purpose_of(record, occasion, around);
    reaping.occasion = occasion;
    reaping.phase = Phase::probing;
    reaping.since = around.now;
    reaping.side = {};
    reaping.reason = reason_to_ask(record, reaping.purpose, occasion);
    reaping.verify = false;
    reaping.closer = *tcp::closer(record.connection);
    Decision out;
    if (occasion == Occasion::due) note_expired(record, out);
    out.steps.add({.did = Did::open_inquiry, .reason = reaping.reason});
    ask_sides(record, {true, true}, around, out);
    return out;
}

void resume_asking(Record& record, Instant asked, Instant now) {
    flow::Reaping& reaping = record.reaping;
    reaping.purpose = Purpose::position;
    reaping.occasion = Occasion::report;
    reaping.phase = Phase::probing;
    reaping.since = now;
    reaping.side = {};
    reaping.reason = reason_to_settle(record);
    reaping.verify = false;
    for (Inquiry& inquiry : reaping.side) {
        inquiry.asked = asked;
        inquiry.probes = 1;
    }
}

Decision go_on_asking(Record& record, const Circumstances& around) {
    if (record.reaping.occasion == Occasion::report) excuse_the_gone(record);
    return apply(record, conclude_inquiry(record, around.timeouts, around.now), around);
}

}  // namespace finwait::reaper
