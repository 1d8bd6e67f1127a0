// Resetting, and making sure that it worked.

#include "reaper/conclusion.hpp"
#include "reaper/probe.hpp"
#include "reaper/stages.hpp"
#include "tcp/tracker.hpp"

#include <algorithm>
#include <cassert>
#include <optional>

namespace finwait::reaper {

namespace {

using flow::Cause;
using flow::Evidence;
using flow::Inquiry;
using flow::Phase;
using flow::Record;
using policy::ResetSides;
using tcp::Role;

/// Probes that may go unanswered before an end counts as unconfirmed.
constexpr std::uint8_t kConfirmingProbes = 3;
constexpr std::string_view kSourceFull =
    "its source has had its part of what the policy may end within a minute without proof";
constexpr std::string_view kPolicyStopped =
    "its policy is stopped (limits.breaker_share) and ends only what a side proves to be over";

constexpr std::string_view kMakeSure = "after the RST: is it gone?";
constexpr std::string_view kUnsent =
    "an RST did not leave this machine: its own queue was full, or it refused to send it";

Decision refused(std::string_view reason, Instant now) {
    return {.result = Result::refused, .again = now, .reason = reason};
}

/// RST|ACK in the peer's name. No timestamp: receivers take RSTs without (RFC 7323 section 5.2). A challenge
/// ACK has the last word on the number (RFC 5961 section 3).
tcp::Segment reset_towards(const Record& record, Role target) {
    const Inquiry& inquiry = record.reaping.of(target);
    const tcp::Side& side = record.connection.of(target);
    tcp::Segment rst;
    rst.source = record.endpoint(other(target));
    rst.destination = record.endpoint(target);
    rst.flags = tcp::flag::rst | tcp::flag::ack;
    rst.seq = inquiry.corrected ? inquiry.number : side.ack;
    rst.ack = record.connection.of(other(target)).ack;
    return rst;
}

/// Sends RSTs to the targets that are not known to be gone, or only to those whose last RST did not leave
/// this machine; what was heard before no longer counts.
Decision send_round(Record& record, const Circumstances& around, bool all = true) {
    assert(!untouchable(record));
    flow::Reaping& reaping = record.reaping;
    Decision decision = wait_until(around.now + kBeforeConfirming, reaping.reason);
    ++reaping.attempts;
    for (const Role role : {Role::client, Role::server}) {
        Inquiry& inquiry = reaping.of(role);
        if (!inquiry.target || inquiry.confirmed || (!all && !inquiry.rst_unsent)) continue;
        decision.segments.add(reset_towards(record, role));
        decision.steps.add(
            {.did = Did::reset, .side = role, .attempt = reaping.attempts, .reason = reaping.reason});
        inquiry.evidence = Evidence::unknown;
        inquiry.probes = 0;
        inquiry.outstanding = false;
        inquiry.crossed = false;
        if (!inquiry.rst_unsent) inquiry.unsent = 0;
        inquiry.retry = inquiry.rst_unsent = inquiry.unasked = false;
    }
    reaping.phase = Phase::confirming;
    reaping.since = around.now;
    return decision;
}

Duration quiet_before(const Record& record, const Circumstances& around) {
    if (record.reaping.requested) return kBriefQuiet;
    if (record.reaping.cause != Cause::too_long) return kQuiet;
    const Instant due = record.half_closed_at + around.timeouts.fin_wait_2_max;
    const bool patient = around.now < std::max(due, record.window_opened) + kPatience;
    return patient ? kBriefQuiet : Duration(0);
}

/// It is to end because a timeout or a limit has run out, and that does not hold any more.
bool is_let_off(const Record& record, const Circumstances& around) {
    const flow::Reaping& reaping = record.reaping;
    if (reaping.requested || !by_clock(reaping.cause)) return false;
    const bool early = reaping.cause == Cause::too_long &&
                       around.now < record.half_closed_at + around.timeouts.fin_wait_2_max;
    return early || tcp::closer(record.connection) != reaping.closer || window_closed(record, around.now);
}

bool settled(const Inquiry& inquiry) {
    const bool given_up = inquiry.unasked || inquiry.evidence == Evidence::silent;
    return !inquiry.target || inquiry.confirmed || inquiry.mute || given_up;
}

/// When the next probe towards a target that has not answered since its RST is due.
Instant next_probe(const Record& record, const Inquiry& inquiry) {
    const bool first = inquiry.probes == 0 && !inquiry.retry;
    return first ? record.reaping.since + kBeforeConfirming : inquiry.asked + kAnswerTime;
}

/// Whether a target is to be probed now. Gives it up where that makes no sense any more.
bool to_be_probed(Inquiry& inquiry) {
    if (inquiry.retry && inquiry.unsent >= kMostUnsent) inquiry.unasked = true;
    if (inquiry.probes == kConfirmingProbes) inquiry.evidence = Evidence::silent;
    if (settled(inquiry)) inquiry.outstanding = false;
    return !settled(inquiry);
}

void probe_target(Record& record, Role role, Instant now, Decision& out) {
    Inquiry& inquiry = record.reaping.of(role);
    inquiry.asked = now;
    inquiry.outstanding = true;
    inquiry.crossed = false;
    if (!inquiry.retry) inquiry.unsent = 0;
    inquiry.retry = false;
    ++inquiry.probes;
    out.segments.add(probe_towards(record, role));
    out.steps.add({.did = Did::make_sure, .side = role, .attempt = inquiry.probes, .reason = kMakeSure});
}

Decision probe_targets(Record& record, const Circumstances& around) {
    Decision decision = wait_until(Instant::never(), record.reaping.reason);
    std::array<bool, 2> due{};
    for (const Role role : {Role::client, Role::server}) {
        Inquiry& inquiry = record.reaping.of(role);
        if (settled(inquiry)) continue;
        const Instant next = next_probe(record, inquiry);
        if (around.now < next)
            decision.again = std::min(decision.again, next);
        else
            due[tcp::index(role)] = to_be_probed(inquiry);
    }
    const auto sides = static_cast<unsigned>(std::ranges::count(due, true));
    if (sides == 0) return decision;
    if (!take_turn(record, around, Limit::probes, sides)) return wait_for_turn(record, around, Limit::probes);
    for (const Role role : {Role::client, Role::server})
        if (due[tcp::index(role)]) probe_target(record, role, around.now, decision);
    decision.again = std::min(decision.again, around.now + kAnswerTime);
    return decision;
}

/// An RST that did not leave this machine is sent again, as exact and harmless as the first. Empty where all
/// have left.
std::optional<Decision> send_what_did_not_leave(Record& record, const Circumstances& around) {
    const flow::Reaping& reaping = record.reaping;
    Instant when = Instant::never();
    std::uint8_t unsent = 0;
    for (const Inquiry& inquiry : reaping.side) {
        if (!inquiry.rst_unsent) continue;
        when = std::min(when, inquiry.asked);
        unsent = std::max(unsent, inquiry.unsent);
    }
    if (when == Instant::never()) return std::nullopt;
    if (unsent >= kMostUnsent) return refused(kUnsent, around.now);
    if (around.now < when) return wait_until(when);
    const Duration quiet = quiet_before(record, around);
    switch (obstacle(record, quiet, around.now)) {
        case Obstacle::none: break;
        case Obstacle::not_quiet: return wait_until(record.last_seen + quiet);
        case Obstacle::data_in_flight: return wait_until(around.now + std::max(quiet, kBriefQuiet));
        case Obstacle::untouchable:
        case Obstacle::numbers_unknown: return refused(kUnsent, around.now);
    }
    if (!take_turn(record, around, Limit::resets, 1)) return wait_for_turn(record, around, Limit::resets);
    return send_round(record, around, false);
}

Decision conclude(const Record& record) {
    const auto& side = record.reaping.side;
    const bool any_confirmed = side[0].confirmed || side[1].confirmed;
    const bool any_doubt =
        std::ranges::any_of(side, [](const Inquiry& i) { return i.target && !i.confirmed && !i.mute; });
    return {.result = any_confirmed && !any_doubt ? Result::confirmed : Result::unconfirmed,
            .reason = record.reaping.reason};
}

/// What the breaker makes of an end that nobody has proven; empty when it may happen. Evidence does not keep:
/// who has to wait is asked again.
std::optional<Decision> refusal(Record& record, const Circumstances& around) {
    const std::uint64_t source = around.source[tcp::index(record.reaping.blamed)];
    const policy::Admission admission =
        around.breaker.admit(around.now, around.flows, around.breaker_share, source);
    if (admission == policy::Admission::admitted) return std::nullopt;
    const Cause cause = record.reaping.cause;
    const bool was_asked = cause == Cause::evidence || cause == Cause::alive_too_long;
    revive(record);
    const bool stopped = admission == policy::Admission::stopped;
    const std::string_view reason = stopped ? kPolicyStopped : kSourceFull;
    const Instant again = around.now + kStoppedFor;
    record.reaping.since = around.now;
    record.reaping.reason = reason;
    record.reaping.not_before = again;
    Decision out = wait_until(again, reason);
    if (was_asked) out.steps.add({.did = Did::leave, .reason = reason});
    out.source_full = !stopped;
    return out;
}

/// Who is left has told its number since the last loss, and its peer is gone: nothing else is to be known.
bool knows_the_rest(const Record& record) {
    const auto& side = record.reaping.side;
    const bool told =
        std::ranges::all_of(side, [](const Inquiry& i) { return !i.target || i.confirmed || i.corrected; });
    const bool alone = std::ranges::any_of(
        side, [](const Inquiry& i) { return i.confirmed || i.evidence == Evidence::gone; });
    return told && alone;
}

/// A side has outlived its RST: it gets another one, at a moment in which that is exact and harms nothing.
Decision reset_again(Record& record, const Circumstances& around) {
    const auto& side = record.reaping.side;
    const bool untaken = std::ranges::none_of(side, [](const Inquiry& i) { return i.confirmed; });
    if (untaken && is_let_off(record, around)) {
        revive(record);
        return wait_until(around.now + kQuiet);
    }
    const Duration quiet = quiet_before(record, around);
    switch (obstacle(record, quiet, around.now)) {
        case Obstacle::data_in_flight: return wait_until(around.now + std::max(quiet, kBriefQuiet));
        case Obstacle::not_quiet: return wait_until(record.last_seen + quiet);
        case Obstacle::numbers_unknown:
            if (knows_the_rest(record)) break;
            // Something passed unseen since the RST. Both sides are asked where they stand, as before any
            // end.
            revive(record);
            if (!to_be_verified(record))
                return wait_until(around.now + std::max(kQuiet, around.timeouts.fin_wait_2));
            record.reaping.verify = true;
            record.reaping.not_before = around.now + kBeforeConfirming;
            return wait_until(record.reaping.not_before);
        case Obstacle::untouchable:
        case Obstacle::none: break;
    }
    return send_round(record, around);
}

/// The side whose connection is gone has said so by an RST that went on to the other: only to make sure is
/// left.
Decision pass_on(Record& record, Role target, const Circumstances& around) {
    begin_confirming(record, target, around.now);
    record.reaping.attempts = 1;  // that RST was the first
    Decision out = go_on_confirming(record, around);
    out.steps.add({.did = Did::pass_on, .side = target, .reason = record.reaping.reason});
    return out;
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

}  // namespace

Decision end_one(Record& record, Role target, std::string_view reason, const Circumstances& around) {
    assert(record.reaping.phase == Phase::probing);
    record.reaping.reason = reason;
    note_proof(record, around);
    const Inquiry& ended = record.reaping.of(other(target));
    const bool by_its_rst = ended.evidence == Evidence::gone && !ended.guessed && !ended.by_word;
    if (by_its_rst) return pass_on(record, target, around);
    const bool closer = target == record.reaping.closer;
    begin_resetting(record, closer ? ResetSides::closer : ResetSides::holder, Cause::evidence, reason,
                    around.now);
    return go_on_resetting(record, around);
}

Decision end_both(Record& record, Cause cause, std::string_view reason, const Circumstances& around) {
    const auto& side = record.reaping.side;
    const bool silent = std::ranges::any_of(side, [](const Inquiry& i) { return unheard(i.evidence); });
    note_proof(record, around);
    begin_resetting(record, silent ? ResetSides::both : around.timeouts.reset, cause, reason, around.now);
    return go_on_resetting(record, around);
}

void forget_corrections(Record& record) {
    if (record.reaping.phase != Phase::confirming) return;
    for (Inquiry& inquiry : record.reaping.side) {
        inquiry.corrected = false;
        if (inquiry.evidence == Evidence::alive) inquiry.evidence = Evidence::unknown;
    }
}

void begin_resetting(Record& record, ResetSides sides, Cause cause, std::string_view reason, Instant now) {
    flow::Reaping& reaping = record.reaping;
    if (const auto closer = tcp::closer(record.connection))
        reaping.closer = *closer;
    else
        sides = ResetSides::both;
    for (const Role role : {Role::client, Role::server}) {
        const bool mute = unheard(reaping.of(role).evidence);
        const bool is_closer = role == reaping.closer;
        reaping.of(role) = Inquiry{};
        reaping.of(role).target = sides == ResetSides::both || (sides == ResetSides::closer) == is_closer;
        reaping.of(role).mute = mute;
    }
    reaping.phase = Phase::resetting;
    reaping.since = now;
    reaping.attempts = 0;
    reaping.outcome = flow::Outcome::none;
    reaping.cause = cause;
    reaping.reason = reason;
}

Decision go_on_resetting(Record& record, const Circumstances& around) {
    if (is_let_off(record, around)) {
        revive(record);
        return wait_until(around.now + kQuiet);
    }
    const Duration quiet = quiet_before(record, around);
    switch (obstacle(record, quiet, around.now)) {
        case Obstacle::none: break;
        case Obstacle::not_quiet: return wait_until(record.last_seen + quiet);
        case Obstacle::data_in_flight: return wait_until(around.now + std::max(quiet, kBriefQuiet));
        case Obstacle::untouchable:
        case Obstacle::numbers_unknown:
            revive(record);
            return wait_until(around.now + std::max(kQuiet, around.timeouts.fin_wait_2));
    }
    flow::Reaping& reaping = record.reaping;
    if (!reaping.reserved) {
        const bool counts = !reaping.requested && reaping.attempts == 0 && !reaping.proven;
        if (const auto refused = counts ? refusal(record, around) : std::nullopt) return *refused;
    }
    reaping.reserved = true;
    if (!take_turn(record, around, Limit::resets, 1)) return wait_for_turn(record, around, Limit::resets);
    reaping.reserved = false;
    return send_round(record, around);
}

void begin_confirming(Record& record, Role target, Instant now) {
    flow::Reaping& reaping = record.reaping;
    reaping.phase = Phase::confirming;
    reaping.since = now;
    reaping.attempts = 0;
    reaping.of(target) = Inquiry{};
    reaping.of(target).target = true;
}

Decision go_on_confirming(Record& record, const Circumstances& around) {
    flow::Reaping& reaping = record.reaping;
    if (const auto unsent = send_what_did_not_leave(record, around)) return *unsent;
    const bool someone_lives = std::ranges::any_of(reaping.side, [](const Inquiry& i) {
        return i.target && !i.confirmed && i.evidence == Evidence::alive;
    });
    if (someone_lives && reaping.attempts >= kMaxAttempts) return refused(reaping.reason, around.now);
    if (someone_lives) return reset_again(record, around);
    const Decision decision = probe_targets(record, around);
    return std::ranges::all_of(reaping.side, settled) ? conclude(record) : decision;
}

}  // namespace finwait::reaper
