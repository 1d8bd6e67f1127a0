#include "reaper/reaper.hpp"

#include "tcp/tracker.hpp"

#include <algorithm>

namespace finwait::reaper {

namespace {

using flow::Phase;
using flow::Record;
using tcp::Role;

constexpr std::string_view kIdle = "idle for fin_wait_2";

/// RST|ACK in the peer's name. No timestamp: receivers take RSTs without (RFC 7323 section 5.2).
tcp::Segment reset_towards(const Record& record, Role target) {
    const tcp::Side& side = record.connection.of(target);
    tcp::Segment rst;
    rst.source = record.endpoint(other(target));
    rst.destination = record.endpoint(target);
    rst.flags = tcp::flag::rst | tcp::flag::ack;
    rst.seq = side.ack;
    rst.ack = side.next;
    return rst;
}

/// A zero window lasts as long as the receiving application does not read (RFC 9293 section 3.8.6.1).
bool window_closed(const Record& record) {
    const std::optional<Role> closer = tcp::closer(record.connection);
    return closer && record.connection.of(*closer).window == 0;
}

Decision decide_resetting(const Record& record, Instant now) {
    const flow::Reaping& reaping = record.reaping;
    const Instant settled = reaping.since + kSettle;
    if (!reaping.answered)
        return now < settled ? Decision{Step::wait, settled, {}} : Decision{Step::unconfirmed};
    if (reaping.attempts >= kMaxAttempts) return {Step::refused};
    switch (obstacle(record, kBriefQuiet, now)) {
        case Obstacle::none: return {Step::send, settled, "a side answered the last RST"};
        case Obstacle::not_quiet: return {Step::wait, record.last_seen + kBriefQuiet, {}};
        case Obstacle::data_in_flight:
        case Obstacle::numbers_unknown:
        case Obstacle::untouchable: break;
    }
    return now < settled ? Decision{Step::wait, settled, {}} : Decision{Step::refused};
}

std::string_view reason_of(const Record& record, const policy::Timeouts& timeouts, Instant now) {
    if (record.reaping.requested) return "requested by an operator";
    if (now >= record.last_progress + timeouts.fin_wait_2) return kIdle;
    return "half-closed for fin_wait_2_max";
}

}  // namespace

/// RFC 2385 and 5925: unsigned segments are dropped. RFC 8684: both sides must have asked for it.
bool untouchable(const tcp::Connection& c) {
    const tcp::Side& client = c.of(Role::client);
    const tcp::Side& server = c.of(Role::server);
    return client.unsigned_dropped || server.unsigned_dropped || (client.multipath && server.multipath);
}

Obstacle obstacle(const Record& record, Duration quiet, Instant now) {
    const tcp::Connection& c = record.connection;
    if (untouchable(c)) return Obstacle::untouchable;
    if (!tcp::exact(c)) return Obstacle::numbers_unknown;
    const tcp::Side& client = c.of(Role::client);
    const tcp::Side& server = c.of(Role::server);
    if (client.ack != server.next || server.ack != client.next) return Obstacle::data_in_flight;
    if (now < record.last_seen + quiet) return Obstacle::not_quiet;
    return Obstacle::none;
}

Instant due(const Record& record, const policy::Timeouts& timeouts) {
    if (record.reaping.requested) return Instant();
    if (record.reaping.refused) return record.reaping.since + timeouts.fin_wait_2;
    return std::min(record.last_progress + timeouts.fin_wait_2,
                    record.half_closed_at + timeouts.fin_wait_2_max);
}

Decision decide(const Record& record, const policy::Timeouts& timeouts, bool observe, Instant now) {
    if (record.reaping.phase == Phase::resetting) return decide_resetting(record, now);
    const Instant when = due(record, timeouts);
    if (now < when) return {Step::wait, when, {}};
    const bool observing = observe || timeouts.on_expiry == policy::OnExpiry::observe;
    if (record.reaping.recorded && observing && !record.reaping.requested) return {};
    const std::string_view reason = reason_of(record, timeouts, now);
    const bool idle = reason == kIdle;
    const Duration quiet = idle ? kQuiet : kBriefQuiet;
    if (idle && window_closed(record)) return {Step::wait, now + timeouts.fin_wait_2, {}};
    switch (obstacle(record, quiet, now)) {
        case Obstacle::none: break;
        case Obstacle::untouchable: return {};
        case Obstacle::not_quiet: return {Step::wait, record.last_seen + quiet, {}};
        case Obstacle::data_in_flight: return {Step::wait, now + quiet, {}};
        case Obstacle::numbers_unknown: return {Step::wait, now + std::max(kQuiet, timeouts.fin_wait_2), {}};
    }
    return {observing && !record.reaping.requested ? Step::record : Step::send, now + kSettle, reason};
}

void sent(Record& record, Instant now) {
    flow::Reaping& reaping = record.reaping;
    reaping.phase = Phase::resetting;
    reaping.since = now;
    reaping.answered = false;
    ++reaping.attempts;
}

void heard(Record& record) {
    if (record.reaping.phase == Phase::resetting) record.reaping.answered = true;
}

Resets resets(const Record& record, policy::ResetSides sides) {
    Resets out;
    const std::optional<Role> closer = tcp::closer(record.connection);
    for (const Role target : {Role::client, Role::server}) {
        const bool is_closer = closer == target;
        const bool wanted = !closer || sides == policy::ResetSides::both ||
                            (sides == policy::ResetSides::closer) == is_closer;
        if (wanted) out.segment[out.count++] = reset_towards(record, target);
    }
    return out;
}

}  // namespace finwait::reaper
