// Asking both sides, and what their answers mean.

#include "reaper/judgement.hpp"
#include "reaper/probe.hpp"
#include "reaper/stages.hpp"
#include "tcp/hearsay.hpp"
#include "tcp/recall.hpp"
#include "tcp/tracker.hpp"

#include <algorithm>

namespace finwait::reaper {

namespace {

using flow::Cause;
using flow::Evidence;
using flow::Inquiry;
using flow::Phase;
using flow::Record;
using policy::ResetSides;
using policy::Timeouts;
using tcp::Role;

constexpr std::string_view kAliveTooLong = "both sides answer, and there has been no progress for alive_max";
constexpr std::string_view kUnreachableTooLong =
    "the network reports that a side cannot be reached, and there has been no progress for alive_max";
constexpr std::string_view kWindowClosed =
    "both sides are there, and the closer's window is closed: data may wait for it";
constexpr std::string_view kReported =
    "both sides answer, and only conntrack reports that one of them has closed: perhaps neither has";
constexpr std::string_view kUnverified =
    "segments have passed unseen and the sides have not both said since where they stand: no reset is exact";
constexpr std::string_view kVerifying =
    "segments may have passed unseen: both sides are asked first where they stand";
constexpr std::string_view kCatchingUp = "segments have passed unseen: both sides are asked where they stand";
constexpr std::string_view kSettling =
    "it is half-closed by conntrack's word alone: both sides are asked where they stand";
constexpr std::string_view kCrowded =
    "its source has more than half_closed_per_source half-closed connections: both sides are asked";
constexpr std::string_view kSilentTooEarly =
    "a side has not answered, and silence counts only when the connection's own time is up";
constexpr std::string_view kAsking = "its time is up: both sides are asked";
constexpr std::string_view kUnsent =
    "probes did not leave this machine: its own queue was full, or it refused to send them";

/// An orphan counts as one only where the policy lets the test, and not before the numbers are known.
Evidence evidence_of(const Record& record, Role role, const Timeouts& t) {
    const Evidence e = record.reaping.of(role).evidence;
    const bool counts = t.orphan_test != policy::OrphanTest::off && record.reaping.reason != kVerifying;
    return e == Evidence::orphan && !counts ? Evidence::alive : e;
}

/// The machine of a socket that is here says more of it than an answer does, but not its numbers: where these
/// are wanted, too, they come first.
bool verifies_first(const Record& record) {
    return tcp::recalled(record.connection) && (record.low_is_local || record.high_is_local);
}

void ask(Record& record, Role role, Instant now, Segments& out) {
    Inquiry& inquiry = record.reaping.of(role);
    inquiry.asked = now;
    inquiry.outstanding = true;
    // What its peer has just sent may still be without an answer, and there may be only one for both.
    inquiry.crossed = now < record.last_from[tcp::index(other(role))] + kAnswerTime;
    if (!inquiry.retry) inquiry.unsent = 0;
    if (inquiry.retry) excuse_peer(record.reaping.of(other(role)));
    inquiry.retry = false;
    ++inquiry.probes;
    out.add(probe_towards(record, role));
    ++out.probes;
    inquiry.guessed = guesses(record, role);
    if (inquiry.guessed) inquiry.number = out.segment[out.count - 1U].ack;
}

/// What it means that a side has had all its attempts. One that has answered before is there: hosts limit how
/// often they answer. ICMP errors are no proof that it is gone: paths come back (RFC 1122 section 4.2.3.9,
/// RFC 5927 section 5.2). It may still answer then. Nor is it one where its answers may not come to us.
void give_up(Record& record, Role role) {
    Inquiry& inquiry = record.reaping.of(role);
    const bool deaf = record.astray && tcp::recalled(record.connection);
    inquiry.outstanding = inquiry.reported || deaf;
    if (inquiry.outstanding)
        inquiry.evidence = Evidence::unreachable;
    else
        inquiry.evidence = inquiry.answered == Instant() ? Evidence::silent : Evidence::alive;
    if (!deaf) tcp::excuse_silence(record.connection, role);
}

/// For a quarter of an hour at least, whoever asked for its end.
Decision leave_for_long(Record& record, std::string_view reason, const Circumstances& around);

Decision ask_now(Record& record, std::array<bool, 2> due, const Circumstances& around) {
    Decision decision{Step::send, around.now + around.timeouts.probe_interval, record.reaping.reason, {}};
    for (const Role role : {Role::client, Role::server})
        if (due[tcp::index(role)]) ask(record, role, around.now, decision.segments);
    return decision;
}

/// Probes the sides of which nothing is known yet, and gives up those that have had all their attempts.
Decision ask_the_unheard(Record& record, const Circumstances& around) {
    Instant again = Instant::never();
    std::array<bool, 2> due{};
    for (const Role role : {Role::client, Role::server}) {
        Inquiry& inquiry = record.reaping.of(role);
        if (inquiry.evidence != Evidence::unknown) continue;
        const Instant next = inquiry.asked + around.timeouts.probe_interval;
        if (inquiry.asked != Instant() && around.now < next) {
            again = std::min(again, next);
        } else if (inquiry.retry && inquiry.unsent >= kMostUnsent) {
            return leave_for_long(record, kUnsent, around);
        } else if (inquiry.probes >= around.timeouts.probe_attempts) {
            const Inquiry& peer = record.reaping.of(other(role));
            if (peer.retry && peer.evidence == Evidence::unknown) continue;  // nor may its answers come by
            give_up(record, role);
            again = around.now;
        } else {
            due[tcp::index(role)] = true;
        }
    }
    Decision decision{Step::wait, again, record.reaping.reason, {}};
    const auto sides = static_cast<unsigned>(std::ranges::count(due, true));
    if (sides == 0) return decision;
    decision = take_turn(record, around, Limit::probes, sides) ? ask_now(record, due, around)
                                                               : wait_for_turn(record, around, Limit::probes);
    decision.again = std::min(decision.again, again);
    return decision;
}

/// The last test before a half-close is believed to be alive; a challenge ACK or the answer to the next probe
/// says that the closer's socket is there, an RST that only a record was.
Decision near_miss(Record& record, const Circumstances& around) {
    if (!take_turn(record, around, Limit::probes, 1)) return wait_for_turn(record, around, Limit::probes);
    Inquiry& closer = record.reaping.of(record.reaping.closer);
    closer.near_missed = true;
    closer.evidence = Evidence::unknown;
    closer.probes = 0;
    closer.outstanding = true;
    closer.crossed = false;
    closer.asked = around.now + kBeforeConfirming - around.timeouts.probe_interval;
    Decision decision{Step::send, around.now + kBeforeConfirming, record.reaping.reason, {}};
    decision.segments.add(near_miss_towards(record, record.reaping.closer));
    return decision;
}

/// Of an orphan's record all answers have IPv4 id 0: one that had it is asked for another.
bool wants_another_id(const Record& record, const Judgement& j, const Timeouts& t) {
    const Inquiry& closer = record.reaping.of(record.reaping.closer);
    return t.orphan_test != policy::OrphanTest::off && j.closer == Evidence::alive &&
           closer.zero_id_at != Instant::never() && !closer.id_asked;
}

Decision ask_for_another_id(Record& record, const Circumstances& around) {
    Inquiry& closer = record.reaping.of(record.reaping.closer);
    closer.id_asked = true;
    closer.evidence = Evidence::unknown;
    closer.probes = 0;
    closer.asked = closer.zero_id_at + kBeforeConfirming - around.timeouts.probe_interval;
    return ask_the_unheard(record, around);
}

Decision leave(Record& record, std::string_view reason, const Circumstances& around) {
    const Timeouts& t = around.timeouts;
    Instant again = around.now + std::max(kLeaveAlone, t.fin_wait_2);
    for (const Instant end : {record.last_progress + t.alive_max, record.half_closed_at + t.fin_wait_2_max})
        if (end > around.now) again = std::min(again, end);
    const std::array answered = {record.reaping.side[0].answered, record.reaping.side[1].answered};
    revive(record);
    record.reaping.since = around.now;
    record.reaping.reason = reason;
    for (std::size_t i = 0; i < answered.size(); ++i)
        record.reaping.side[i].answered = answered[i];
    record.reaping.not_before = again;
    return {Step::wait, again, reason, {}};
}

Decision leave_for_long(Record& record, std::string_view reason, const Circumstances& around) {
    record.reaping.requested = record.reaping.crowded = false;
    const Decision decision = leave(record, reason, around);
    record.reaping.not_before = around.now + std::max(kLeaveAlone, around.timeouts.fin_wait_2);
    return {Step::wait, record.reaping.not_before, decision.reason, {}};
}

/// Whoever asked for its end, it cannot be: nobody is there who could say by which number.
Decision leave_unverified(Record& record, const Circumstances& around) {
    return leave_for_long(record, kUnverified, around);
}

/// The side whose connection is gone has said so by an RST that went on to the other: only to make sure is
/// left.
Decision pass_on(Record& record, Role target, const Circumstances& around) {
    begin_confirming(record, target, around.now);
    return go_on_confirming(record, around);
}

/// Whether a side has replied that it is over. If not, its end is the doing of the side that is silent, or
/// else of the client, which has opened it.
void note_proof(Record& record, const Circumstances& around) {
    flow::Reaping& reaping = record.reaping;
    const Role holder = other(reaping.closer);
    const Evidence closing = evidence_of(record, reaping.closer, around.timeouts);
    const Evidence holding = evidence_of(record, holder, around.timeouts);
    reaping.proven = closing == Evidence::gone || closing == Evidence::orphan || holding == Evidence::gone;
    reaping.blamed = Role::client;
    if (unheard(closing) != unheard(holding)) reaping.blamed = unheard(closing) ? reaping.closer : holder;
}

Decision end_one(Record& record, Role target, const Circumstances& around) {
    note_proof(record, around);
    const Inquiry& ended = record.reaping.of(other(target));
    const bool by_its_rst = ended.evidence == Evidence::gone && !ended.guessed && !ended.by_word;
    if (by_its_rst) return pass_on(record, target, around);
    const bool closer = target == record.reaping.closer;
    begin_resetting(record, closer ? ResetSides::closer : ResetSides::holder, Cause::evidence,
                    record.reaping.reason, around.now);
    return go_on_resetting(record, around);
}

/// A side that did not answer is reset too, whatever the policy: perhaps only its answers are lost.
Decision end_both(Record& record, Cause cause, std::string_view reason, const Circumstances& around) {
    const auto& side = record.reaping.side;
    if (unverified(record.connection)) {
        // Its answer may prove the numbers.
        const bool waiting =
            std::ranges::any_of(side, [](const Inquiry& i) { return i.evidence == Evidence::unknown; });
        return waiting ? ask_the_unheard(record, around) : leave_unverified(record, around);
    }
    const bool silent = std::ranges::any_of(side, [](const Inquiry& i) { return unheard(i.evidence); });
    note_proof(record, around);
    begin_resetting(record, silent ? ResetSides::both : around.timeouts.reset, cause, reason, around.now);
    return go_on_resetting(record, around);
}

/// Nothing is proven against the flow: it is left, unless it has been so for too long.
Decision spare(Record& record, const Judgement& j, const Circumstances& around) {
    if (unverified(record.connection)) return leave_unverified(record, around);
    if (wants_another_id(record, j, around.timeouts)) return ask_for_another_id(record, around);
    const Inquiry& closer = record.reaping.of(record.reaping.closer);
    const bool too_long = around.now >= record.last_progress + around.timeouts.alive_max;
    const bool spared = only_reported(record) || window_closed(record, around.now);
    const bool unreachable = j.closer == Evidence::unreachable || j.holder == Evidence::unreachable;
    if (too_long && !spared)
        return end_both(record, Cause::alive_too_long, unreachable ? kUnreachableTooLong : kAliveTooLong,
                        around);
    const bool test_orphan =
        around.timeouts.orphan_test == policy::OrphanTest::active && j.closer == Evidence::alive;
    // A machine that was asked itself has told an orphan from the living already.
    const bool can_be_tested = !closer.near_missed && !closer.by_word && closer.unsent < kMostUnsent;
    if (test_orphan && can_be_tested) return near_miss(record, around);
    if (unreachable) return leave(record, j.reason, around);
    if (only_reported(record)) {
        Decision decision = leave(record, kReported, around);
        decision.withdraw_report = true;
        return decision;
    }
    return leave(record, too_long ? kWindowClosed : j.reason, around);
}

Decision act_on(Record& record, const Judgement& j, const Circumstances& around) {
    flow::Reaping& reaping = record.reaping;
    switch (j.act) {
        case Act::wait: return ask_the_unheard(record, around);
        case Act::leave: return spare(record, j, around);
        case Act::reset_closer: reaping.reason = j.reason; return end_one(record, reaping.closer, around);
        case Act::reset_holder:
            reaping.reason = j.reason;
            return end_one(record, other(reaping.closer), around);
        case Act::reset_both: return end_both(record, Cause::evidence, j.reason, around);
        case Act::forget: return {Step::confirmed, around.now, j.reason, {}};
    }
    return {};
}

/// What was asked is where both sides stand, not whether they live: its time is not up. Only where a side has
/// said that it knows no such connection nothing is left to wait for.
Decision go_on_settling(Record& record, const Circumstances& around) {
    const flow::Reaping& reaping = record.reaping;
    const auto& side = reaping.side;
    const auto is = [](Evidence e) { return [e](const Inquiry& i) { return i.evidence == e; }; };
    if (std::ranges::any_of(side, is(Evidence::unknown))) return ask_the_unheard(record, around);
    for (const Role role : {Role::client, Role::server})
        if (reaping.of(role).evidence == Evidence::gone) tcp::excuse_silence(record.connection, role);
    const bool gone = std::ranges::any_of(side, is(Evidence::gone));
    const bool both_gone = std::ranges::all_of(side, is(Evidence::gone));
    if (both_gone || (gone && tcp::exact(record.connection)))
        return act_on(record,
                      judge(side[tcp::index(reaping.closer)].evidence,
                            side[tcp::index(other(reaping.closer))].evidence),
                      around);
    if (!tcp::exact(record.connection)) return leave_unverified(record, around);
    const bool requested = reaping.requested;
    revive(record);
    record.reaping.not_before = around.now + kBeforeConfirming;  // an answer sooner would be held back
    return requested ? decide(record, around) : Decision{Step::wait, record.reaping.not_before, {}, {}};
}

/// It is asked before its time because its source has too many flows. Only who answers that it is over proves
/// that; silence, and the word of routers, would end what somebody else has made to be asked.
Decision go_on_early(Record& record, const Judgement& j, const Circumstances& around) {
    const bool proven =
        j.closer == Evidence::gone || j.holder == Evidence::gone || j.closer == Evidence::orphan;
    if (j.act == Act::wait || proven) return act_on(record, j, around);
    if (wants_another_id(record, j, around.timeouts)) return ask_for_another_id(record, around);
    const bool silent = j.closer == Evidence::silent || j.holder == Evidence::silent;
    const Decision decision = leave(record, silent ? kSilentTooEarly : j.reason, around);
    record.reaping.not_before = own_time(record, around.timeouts);
    return {Step::wait, record.reaping.not_before, decision.reason, {}};
}

std::string_view reason_to_ask(const Record& record, const Circumstances& around) {
    if (tcp::blind(record.connection)) return kSettling;
    if (record.reaping.verify) return kCatchingUp;
    const bool known = tcp::exact(record.connection) && !window_unknown(record);
    if (record.reaping.early) return kCrowded;
    if (known && only_reported(record)) return kAsking;
    return asks_by_policy(record, around) && !verifies_first(record) ? kAsking : kVerifying;
}

}  // namespace

Decision begin_asking(Record& record, const Circumstances& around) {
    // It goes on being watched until its turn comes.
    if (!take_turn(record, around, Limit::probes, 2)) return wait_for_turn(record, around, Limit::probes);
    flow::Reaping& reaping = record.reaping;
    reaping.phase = Phase::probing;
    reaping.since = around.now;
    reaping.side = {};
    reaping.reason = reason_to_ask(record, around);
    reaping.verify = false;
    reaping.closer = *tcp::closer(record.connection);
    return ask_now(record, {true, true}, around);
}

void resume_asking(Record& record, Instant asked, Instant now) {
    flow::Reaping& reaping = record.reaping;
    reaping.phase = Phase::probing;
    reaping.since = now;
    reaping.side = {};
    reaping.reason = kSettling;
    reaping.verify = false;
    for (Inquiry& inquiry : reaping.side) {
        inquiry.asked = asked;
        inquiry.probes = 1;
    }
}

Decision go_on_asking(Record& record, const Circumstances& around) {
    const flow::Reaping& reaping = record.reaping;
    const bool gone =
        reaping.side[0].evidence == Evidence::gone || reaping.side[1].evidence == Evidence::gone;
    if (around.breaker.open()) {
        revive(record);
        return {Step::wait, around.now + kStoppedFor, {}, {}};
    }
    if (!gone && tcp::closer(record.connection) != reaping.closer) {
        // The flow has moved on by itself: what was asked is of no interest any more.
        revive(record);
        return {Step::wait, due(record, around.timeouts), {}, {}};
    }
    if (reaping.reason == kSettling) return go_on_settling(record, around);
    const bool before_its_time = reaping.reason == kCatchingUp;
    const bool known = tcp::exact(record.connection) && !window_unknown(record);
    if (!gone && (before_its_time || reaping.reason == kVerifying) && known) {
        revive(record);
        return decide(record, around);
    }
    const Judgement& j = judge(evidence_of(record, reaping.closer, around.timeouts),
                               evidence_of(record, other(reaping.closer), around.timeouts));
    if (!gone && before_its_time && j.act != Act::wait) {
        revive(record);
        return {Step::wait, due(record, around.timeouts), {}, {}};
    }
    if (reaping.early && around.now < own_time(record, around.timeouts))
        return go_on_early(record, j, around);
    return act_on(record, j, around);
}

}  // namespace finwait::reaper
