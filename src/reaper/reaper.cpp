#include "reaper/reaper.hpp"

#include "reaper/judgement.hpp"
#include "reaper/probe.hpp"
#include "reaper/stages.hpp"
#include "tcp/position.hpp"
#include "tcp/report.hpp"
#include "tcp/signing.hpp"
#include "tcp/tracker.hpp"

#include <algorithm>

namespace finwait::reaper {

namespace {

using flow::Evidence;
using flow::Occasion;
using flow::Phase;
using flow::Record;
using tcp::Role;

using flow::Cause;

/// Flows whose time is up together are asked within this part of probe_interval, each but the first at a
/// moment of its own.
constexpr int kJitter = 32;
/// How often a flow that a timeout may not end looks whether that still holds.
constexpr Duration kLookAgain = std::chrono::seconds(5);

Cause cause_of(const Record& record, const Circumstances& around) {
    if (record.reaping.requested) return Cause::requested;
    const bool too_long = around.now >= record.half_closed_at + around.timeouts.fin_wait_2_max;
    return too_long ? Cause::too_long : Cause::idle;
}

std::string_view text_of(Cause cause) {
    switch (cause) {
        case Cause::requested: return "requested by an operator";
        case Cause::too_long: return "half-closed for fin_wait_2_max";
        default: return "idle for fin_wait_2";
    }
}

/// It is to end although it makes progress.
bool ends_in_use(const flow::Reaping& reaping) {
    const bool ending = reaping.phase == Phase::resetting || reaping.phase == Phase::confirming;
    return reaping.requested || (ending && reaping.cause == Cause::too_long);
}

}  // namespace

bool unverified(const tcp::Connection& c) {
    return tcp::closer(c) && !tcp::exact(c);
}

bool to_be_verified(const Record& record) {
    return unverified(record.connection) && !untouchable(record);
}

bool only_reported(const Record& record) {
    return tcp::fin_reported(record.connection) && !record.closed_by_socket;
}

bool asks_by_policy(const Record& record, const Circumstances& around) {
    if (record.reaping.verify) return false;
    const Cause cause = cause_of(record, around);
    // A stopped policy ends only what a side proves to be over, and must ask for that whatever it does else.
    if (around.breaker.open() && by_clock(cause)) return true;
    return around.timeouts.on_expiry == policy::OnExpiry::probe && cause == Cause::idle;
}

namespace {

bool only_observes(const Record& record, const Circumstances& around) {
    return !record.reaping.requested &&
           (around.observe || around.timeouts.on_expiry == policy::OnExpiry::observe);
}

/// The wait that an obstacle asks for; empty when there is none. Who only observes asks nobody and takes
/// numbers in doubt for right.
std::optional<Decision> held_up(const Record& record, Duration quiet, const Circumstances& around) {
    const Instant now = around.now;
    switch (obstacle(record, quiet, now)) {
        case Obstacle::none: return std::nullopt;
        case Obstacle::untouchable: return wait_until(Instant::never());
        case Obstacle::not_quiet: return wait_until(record.last_seen + quiet);
        case Obstacle::data_in_flight: return wait_until(now + quiet);
        case Obstacle::numbers_unknown:
            if (to_be_verified(record)) return std::nullopt;
            return wait_until(now + std::max(kQuiet, around.timeouts.fin_wait_2));
    }
    return std::nullopt;
}

/// Something has passed unseen: whoever may be asked is asked where it stands, before its time.
Decision verify(Record& record, const Circumstances& around) {
    const bool asking =
        !around.observe && to_be_verified(record) && around.timeouts.on_expiry != policy::OnExpiry::observe;
    if (asking) return begin_asking(record, Occasion::gap, around);
    record.reaping.verify = false;
    return decide(record, around);
}

/// Something is under way, and from now on nothing is sent. What has been reset cannot be asked any more
/// whether it is gone.
Decision break_off(Record& record, const Circumstances& around) {
    if (record.reaping.phase == Phase::confirming)
        return {.result = Result::unconfirmed, .again = around.now, .reason = record.reaping.reason};
    revive(record);
    return wait_until(around.now);
}

/// Its source has too many flows. That is no reason to end it, only to ask it before its time, by real
/// numbers: what cannot be asked waits for its time. Under the rate limit it is watched until its turn comes.
Decision ask_early(Record& record, const Circumstances& around) {
    const bool asking =
        !only_observes(record, around) && !untouchable(record) && tcp::exact(record.connection);
    if (!asking) {
        record.reaping.crowded = false;
        return decide(record, around);
    }
    const Decision decision = begin_asking(record, Occasion::crowded, around);
    record.reaping.crowded = record.reaping.phase != Phase::probing;
    return decision;
}

/// A FIN that only conntrack has reported ends nothing by itself: both sides are asked, whatever the policy.
bool asks_about_report(const Record& record, Cause cause) {
    const tcp::Connection& c = record.connection;
    return by_clock(cause) && only_reported(record) && tcp::exact(c) && !untouchable(record);
}

/// All that keeps it from being reset is that it is in use at this very moment.
bool waits_for_moment(const Record& record, Instant now) {
    const Obstacle o = obstacle(record, kBriefQuiet, now);
    return o == Obstacle::data_in_flight || o == Obstacle::not_quiet;
}

/// When to ask a flow whose time is up while others are being asked; empty where it may be asked at once.
std::optional<Instant> moment_of_its_own(const Record& record, const Circumstances& around) {
    const Duration span = around.timeouts.probe_interval / kJitter;
    const Instant own = due(record, around.timeouts) + jitter(record, 0, span);
    const bool alone = !around.probes.used_since(around.now - span);
    if (alone || around.granted || around.now >= own) return std::nullopt;
    return own;
}

/// How long a stopped policy leaves a flow alone; empty when it asks its sides now: as seldom as it asks a
/// half-close that lives.
std::optional<Instant> stopped_until(const Record& record, const Circumstances& around) {
    if (record.reaping.since == Instant()) return std::nullopt;
    const Instant again = record.reaping.since + std::max(kLeaveAlone, around.timeouts.fin_wait_2);
    return around.now < again ? std::optional(again) : std::nullopt;
}

Decision watch(Record& record, const Circumstances& around) {
    const policy::Timeouts& t = around.timeouts;
    const bool observing = only_observes(record, around);
    // What is known by a report only is asked as soon as its turn comes.
    const bool early = !observing && tcp::report_open(record.connection);
    const Instant when =
        early ? record.reaping.not_before : std::max(due(record, t), record.reaping.not_before);
    if (around.now < when && !record.reaping.requested) return wait_until(when);
    if (record.reaping.verify) return verify(record, around);
    if (record.reaping.crowded && !record.reaping.requested && around.now < own_time(record, t))
        return ask_early(record, around);
    const Cause cause = cause_of(record, around);
    const bool idle = cause == Cause::idle;
    if (observing && record.reaping.recorded) return wait_until(Instant::never());
    if (early && to_be_verified(record)) return begin_asking(record, Occasion::report, around);
    if (!observing && !record.reaping.requested && around.breaker.open())
        if (const auto later = stopped_until(record, around)) return wait_until(*later);
    if (!observing && asks_by_policy(record, around)) {
        if (untouchable(record)) return wait_until(Instant::never());
        if (const auto later = moment_of_its_own(record, around)) return wait_until(*later);
        return begin_asking(record, Occasion::due, around);
    }
    const bool unknown = by_clock(cause) && window_unknown(record) && !untouchable(record);
    if (!observing && (to_be_verified(record) || unknown)) return begin_asking(record, Occasion::due, around);
    if (!observing && asks_about_report(record, cause)) return begin_asking(record, Occasion::due, around);
    if (by_clock(cause) && window_closed(record, around.now))
        return wait_until(around.now + (idle ? t.fin_wait_2 : std::min(t.fin_wait_2, kLookAgain)));
    if (const auto held = held_up(record, idle ? kQuiet : kBriefQuiet, around)) {
        if (observing || cause != Cause::too_long || !waits_for_moment(record, around.now)) return *held;
    }
    if (observing) return {.result = Result::would_reset, .reason = text_of(cause)};
    begin_resetting(record, t.reset, cause, text_of(cause), around.now);
    Decision out = go_on_resetting(record, around);
    if (record.reaping.phase != Phase::watching) note_expired(record, out);
    return out;
}

}  // namespace

/// RFC 2385 and 5925: unsigned segments are dropped. RFC 8684: both sides must have asked for it.
bool untouchable(const tcp::Connection& c) {
    const tcp::Side& client = c.of(Role::client);
    const tcp::Side& server = c.of(Role::server);
    return tcp::is_signed(c) || (client.multipath && server.multipath);
}

bool untouchable(const Record& record) {
    return record.ambiguity != flow::Ambiguity::none || untouchable(record.connection);
}

Obstacle obstacle(const Record& record, Duration quiet, Instant now) {
    const tcp::Connection& c = record.connection;
    if (untouchable(record)) return Obstacle::untouchable;
    if (!tcp::exact(c)) return Obstacle::numbers_unknown;
    const tcp::Side& client = c.of(Role::client);
    const tcp::Side& server = c.of(Role::server);
    if (client.ack != server.next || server.ack != client.next) return Obstacle::data_in_flight;
    if (now < record.last_seen + quiet) return Obstacle::not_quiet;
    return Obstacle::none;
}

bool awaits_moment(const Record& record) {
    return record.reaping.phase == Phase::resetting && record.reaping.cause == Cause::too_long;
}

Instant own_time(const Record& record, const policy::Timeouts& timeouts) {
    return std::min(record.last_progress + timeouts.fin_wait_2,
                    record.half_closed_at + timeouts.fin_wait_2_max);
}

Instant due(const Record& record, const policy::Timeouts& timeouts) {
    if (record.reaping.requested || record.reaping.verify) return Instant();
    const Instant own = own_time(record, timeouts);
    return record.reaping.crowded ? std::min(own, record.last_progress + kIdleEnough) : own;
}

Decision decide(Record& record, const Circumstances& around) {
    record.reaping.urgent = false;
    const bool at_rest = record.reaping.phase == Phase::watching || record.reaping.phase == Phase::gone;
    if (!at_rest && only_observes(record, around)) return break_off(record, around);
    switch (record.reaping.phase) {
        case Phase::watching: return watch(record, around);
        case Phase::probing: return go_on_asking(record, around);
        case Phase::resetting: return go_on_resetting(record, around);
        case Phase::confirming: return go_on_confirming(record, around);
        case Phase::gone: break;
    }
    return {};
}

namespace {

/// Only to make sure is left.
void confirm_drawn_reset(Record& record, Role from, Instant now) {
    flow::Reaping& reaping = record.reaping;
    const bool by_closer = from == reaping.closer;
    const Evidence closer = by_closer ? Evidence::gone : Evidence::unknown;
    const Evidence holder = by_closer ? Evidence::unknown : Evidence::gone;
    reaping.reason = judge(closer, holder).reason;
    begin_confirming(record, other(from), now);
    reaping.urgent = true;
}

}  // namespace

bool take_drawn_reset(Record& record, Role from, Instant now) {
    const flow::Reaping& reaping = record.reaping;
    const Role here = other(from);
    const bool drawn = reaping.phase == Phase::probing && tcp::report_open(record.connection) &&
                       record.is_local(record.endpoint(here)) && reaping.of(here).probes > 0;
    if (!drawn) return false;
    confirm_drawn_reset(record, from, now);
    return true;
}

void take_over_asking(Record& record, Role closer, Duration probe_interval, Instant now) {
    record.reaping.closer = closer;
    const auto& rst = record.connection.rst;
    if (rst && tcp::finished(record.connection)) return confirm_drawn_reset(record, rst->by, now);
    resume_asking(record, now + kBeforeConfirming - probe_interval, now);
}

void hold(Record& record, Instant now) {
    if (!held(record)) record.reaping.held = now;
}

void let_go(Record& record, Instant now) {
    if (!held(record)) return;
    flow::Reaping& reaping = record.reaping;
    const Duration waited = now - reaping.held;
    reaping.held = Instant::never();
    reaping.since = reaping.since + waited;
    for (flow::Inquiry& inquiry : reaping.side)
        if (inquiry.asked != Instant()) inquiry.asked = inquiry.asked + waited;
}

bool held(const Record& record) {
    return record.reaping.held != Instant::never();
}

bool undecided(const Record& record, std::optional<Role> speaker) {
    const flow::Reaping& reaping = record.reaping;
    if (ends_in_use(reaping) || reaping.phase == Phase::watching || reaping.phase == Phase::gone)
        return false;
    return std::ranges::none_of(std::array{Role::client, Role::server}, [&](Role role) {
        const flow::Inquiry& inquiry = reaping.of(role);
        return inquiry.confirmed || (inquiry.evidence == Evidence::gone && role != speaker);
    });
}

void revive(Record& record) {
    const flow::Reaping before = record.reaping;
    record.reaping = {};
    record.reaping.requested = before.requested;
    record.reaping.crowded = before.crowded;
    record.reaping.outcome = before.outcome;
}

}  // namespace finwait::reaper
