// When a flow may send, and what it means that something did not leave this machine: its own queue was full,
// a rule in OUTPUT has dropped it, there was no route.

#include "reaper/probe.hpp"
#include "reaper/stages.hpp"

#include <algorithm>

namespace finwait::reaper {

namespace {

using flow::Inquiry;
using flow::Phase;
using flow::Record;
using tcp::Role;

/// A queue that has just been full is left time to drain: twice as much with each attempt, up to this.
constexpr unsigned kMostDoublings = 3;

/// SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t mixed(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31U);
}

Duration delay(const Record& record, std::uint8_t unsent, Duration base) {
    const Duration whole = base * (1U << std::min(unsent - 1U, kMostDoublings));
    return whole / 2 + jitter(record, unsent, whole);
}

/// The near-miss: only of the closer, and only after that has answered.
std::optional<Instant> near_miss_unsent(Inquiry& closer, Instant now) {
    if (!closer.near_missed || closer.probes > 0 || !closer.outstanding) return std::nullopt;
    ++closer.unsent;
    closer.near_missed = false;
    closer.outstanding = false;
    closer.evidence = flow::Evidence::alive;
    closer.asked = now;
    return now + kBeforeConfirming;
}

/// A round of which nothing has left is none.
std::optional<Instant> reset_unsent(Record& record, Role side, Instant now) {
    Inquiry& inquiry = record.reaping.of(side);
    const bool last = inquiry.target && !inquiry.confirmed && inquiry.probes == 0;
    if (!last || inquiry.rst_unsent) return std::nullopt;
    inquiry.rst_unsent = true;
    ++inquiry.unsent;
    if (record.reaping.attempts > 1 && !record.reaping.of(other(side)).rst_unsent) --record.reaping.attempts;
    inquiry.asked = now + delay(record, inquiry.unsent, kBeforeConfirming);
    return inquiry.asked;
}

std::optional<Instant> probe_unsent(const Record& record, Inquiry& inquiry, Duration interval, Instant now) {
    if (inquiry.probes == 0 || inquiry.retry) return std::nullopt;
    --inquiry.probes;
    ++inquiry.unsent;
    inquiry.retry = true;
    inquiry.outstanding = inquiry.probes > 0;  // an earlier one may still be answered
    const Instant again = now + delay(record, inquiry.unsent, interval);
    inquiry.asked = again - interval;
    return std::min(again, now + interval);
}

}  // namespace

void excuse_peer(Inquiry& peer) {
    const bool open = peer.evidence == flow::Evidence::unknown || peer.evidence == flow::Evidence::silent;
    if (!open || peer.probes == 0) return;
    peer.evidence = flow::Evidence::unknown;
    peer.outstanding = true;
    peer.probes = 1;
}

Urgency urgency(const Record& record) {
    if (record.reaping.requested) return Urgency::requested;
    return record.reaping.phase == Phase::confirming ? Urgency::confirming : Urgency::ordinary;
}

Duration jitter(const Record& record, std::uint32_t attempt, Duration span) {
    constexpr std::uint64_t kParts = 1024;
    const std::uint64_t ports = std::uint64_t{record.key.low.port} << 16U | record.key.high.port;
    const auto begun = static_cast<std::uint64_t>(record.opened.since_origin().count());
    const std::uint64_t part = mixed(begun ^ mixed(ports << 32U | attempt)) % kParts;
    return span / static_cast<std::int64_t>(kParts) * static_cast<std::int64_t>(part);
}

bool take_turn(const Record& record, const Circumstances& around, Limit limit, unsigned places) {
    RateLimit& rate = limit == Limit::probes ? around.probes : around.resets;
    return rate.take(around.now, urgency(record), places, around.granted);
}

Decision wait_for_turn(const Record& record, const Circumstances& around, Limit limit) {
    const RateLimit& rate = limit == Limit::probes ? around.probes : around.resets;
    Decision out = wait_until(rate.expected(around.now, urgency(record)));
    out.limit = limit;
    return out;
}

std::optional<Instant> note_unsent(Record& record, Role side, const tcp::Segment& segment,
                                   Duration probe_interval, Instant now) {
    const flow::Reaping& reaping = record.reaping;
    Inquiry& inquiry = record.reaping.of(side);
    const bool rst = segment.any(tcp::flag::rst);
    if (reaping.phase == Phase::probing && rst)
        return side == reaping.closer ? near_miss_unsent(inquiry, now) : std::nullopt;
    if (reaping.phase == Phase::confirming && rst) return reset_unsent(record, side, now);
    const bool asking = reaping.phase == Phase::probing || reaping.phase == Phase::confirming;
    if (!asking || segment.seq != probe_towards(record, side).seq) return std::nullopt;
    if (reaping.phase == Phase::probing) excuse_peer(record.reaping.of(other(side)));
    const Duration interval = reaping.phase == Phase::probing ? probe_interval : kAnswerTime;
    return probe_unsent(record, inquiry, interval, now);
}

}  // namespace finwait::reaper
