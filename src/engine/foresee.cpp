// What will happen to a flow: the reaper's own machine, run on a copy of the record with time as fast as it
// likes. So what is foretold is what would be done.

#include "engine/impl.hpp"
#include "tcp/report.hpp"

#include <algorithm>

namespace finwait::engine {

namespace {

/// Decisions looked ahead: more than the attempts that a policy may ask for, on both sides.
constexpr int kMostDecisions = 512;

using flow::Phase;

/// What the steps of one decision are in a forecast: they are of one kind there. Empty: none is foretold.
std::optional<Turn> turn_of(const reaper::Step& step) {
    switch (step.did) {
        case reaper::Did::ask: return Turn::ask;
        case reaper::Did::give_up: return Turn::count_silent;
        case reaper::Did::test: return Turn::near_miss;
        case reaper::Did::leave: return Turn::leave;
        case reaper::Did::reset: return Turn::reset;
        case reaper::Did::make_sure: return Turn::confirm;
        case reaper::Did::pass_on:
        case reaper::Did::expire:
        case reaper::Did::open_inquiry: return std::nullopt;
    }
    return std::nullopt;
}

/// The decision's steps of one kind as a prospect: what is sent goes before what is only found.
std::optional<Prospect> prospect_of(const reaper::Decision& decision) {
    std::optional<Prospect> out;
    const bool sends = decision.segments.begin() != decision.segments.end();
    for (const reaper::Step& step : decision.steps) {
        const std::optional<Turn> turn = turn_of(step);
        if (!turn || (sends && *turn == Turn::count_silent)) continue;
        if (!out) out = Prospect{Duration(0), *turn, {}, 0, decision.reason, Hindrance::none};
        if (*turn != Turn::count_silent) out->attempt = std::max(out->attempt, step.attempt);
        if (step.side) out->side[tcp::index(*step.side)] = true;
        if (*turn == Turn::leave) out->side = {true, true};
    }
    return out;
}

/// Whether the reaper waits because something is in the way, and not for a time of its own.
bool is_held_up(const flow::Record& record, Instant at, Instant when) {
    if (record.reaping.phase == Phase::watching) return record.reaping.requested || at >= when;
    if (record.reaping.phase == Phase::resetting) return true;
    return record.reaping.phase == Phase::confirming &&
           std::ranges::any_of(record.reaping.side, [](const flow::Inquiry& i) {
               return i.target && !i.confirmed && i.evidence == flow::Evidence::alive;
           });
}

/// Whoever is asked lives; after a reset it is gone. False when nobody was asked.
bool answer(flow::Record& record, Instant at) {
    bool heard = false;
    for (std::size_t i = 0; i < record.reaping.side.size(); ++i) {
        flow::Inquiry& inquiry = record.reaping.side[i];
        if (!inquiry.outstanding) continue;
        heard = true;
        tcp::Side& side = record.connection.side[i];
        tcp::apply(side.next_basis, tcp::NumberEvent::confirmed);
        tcp::apply(side.ack_basis, tcp::NumberEvent::confirmed);
        side.window_stale = false;
        inquiry.outstanding = false;
        inquiry.answered = at;
        if (record.reaping.phase == Phase::confirming)
            inquiry.confirmed = true;
        else
            inquiry.evidence = flow::Evidence::alive;
    }
    return heard;
}

/// After the others nothing more can be foretold.
bool goes_on(Turn turn) {
    switch (turn) {
        case Turn::ask:
        case Turn::count_silent:
        case Turn::near_miss:
        case Turn::leave:
        case Turn::reset:
        case Turn::confirm: return true;
        default: return false;
    }
}

}  // namespace

/// One decision of the reaper as a prospect; empty when it only waits.
std::optional<Prospect> Engine::Impl::prospect(const Record& record, const reaper::Decision& decision,
                                               Instant at) const {
    if (auto done = prospect_of(decision)) return done;
    Prospect p{Duration(0), Turn::look_again, {}, 0, decision.reason, Hindrance::none};
    switch (decision.result) {
        case reaper::Result::would_reset: p.turn = Turn::record; return p;
        case reaper::Result::confirmed: p.turn = Turn::confirmed; return p;
        case reaper::Result::unconfirmed: p.turn = Turn::unconfirmed; return p;
        case reaper::Result::refused: p.turn = Turn::refused; return p;
        case reaper::Result::pending: break;
    }
    if (decision.limit || !is_held_up(record, at, deadline(record, stage(record)))) return std::nullopt;
    p.hindrance = hindrance(record, at);
    if (p.hindrance == Hindrance::none || p.hindrance == Hindrance::not_quiet) return std::nullopt;
    return p;
}

std::vector<Prospect> Engine::Impl::foresee(Instant now, Instant wakes, Record record, bool answered) const {
    std::vector<Prospect> out;
    if (on_hold_ || (!record.reaping.requested && spared(now, record))) return out;
    reaper::let_go(record, now);
    reaper::RateLimit resets = resets_.rate.foreseen(now, reaper::urgency(record));
    reaper::RateLimit probes = probes_.rate.foreseen(now, reaper::urgency(record));
    Instant at = std::max(now, wakes);
    bool left = false;
    for (int i = 0; i < kMostDecisions; ++i) {
        // Also in between: the flow may have ended by itself while it was asked.
        if (!at_work(record)) {
            if (const auto end = foresee_expiry(now, record)) out.push_back(*end);
            break;
        }
        if (at == Instant::never()) break;
        record.policy = tuning.policies.match(subject(at, record));
        const policy::Timeouts& t = timeouts(record);
        policy::Breaker breaker = breakers_[record.policy];
        const reaper::Decision decision =
            reaper::decide(record, {at, t, tuning.observe, resets, probes, breaker, policy::kNoBreaker,
                                    lasting(), hashes_of_sources(record)});
        const Instant end = record.last_seen + t.established;
        std::optional<Prospect> next = prospect(record, decision, at);
        if (!next && at >= end) next = Prospect{Duration(0), Turn::forget, {}, 0, {}, Hindrance::none};
        if (next) {
            next->in = at - now;
            out.push_back(*next);
            if (!goes_on(next->turn) || left) break;
            left = next->turn == Turn::leave;
        }
        if (!answered || !answer(record, at)) at = std::max(at, std::min(decision.again, end));
    }
    return out;
}

std::optional<Prospect> Engine::Impl::foresee_expiry(Instant now, Record& record) const {
    const Stage s = stage(record);
    const Instant when = std::max(now, deadline(record, s));
    if (when == Instant::never()) return std::nullopt;
    Turn turn = Turn::forget;
    if (tcp::reset_pending(record.connection))
        turn = Turn::believe;
    else if (s == Stage::fin_wait_1 && tcp::retract(record.connection))
        turn = Turn::take_back;
    return Prospect{when - now, turn, {}, 0, {}, Hindrance::none};
}

/// A zero window counts where a timeout ends the flow: where its sides are asked, their answers say more.
Hindrance Engine::Impl::hindrance(const Record& record, Instant at) const {
    if (on_hold_) return Hindrance::on_hold;
    const bool requested = record.reaping.requested;
    if (!requested && spared(at, record)) return Hindrance::spared;
    switch (reaper::obstacle(record, requested ? reaper::kBriefQuiet : reaper::kQuiet, at)) {
        case reaper::Obstacle::untouchable: return Hindrance::untouchable;
        case reaper::Obstacle::numbers_unknown:
            if (!reaper::unverified(record.connection)) return Hindrance::numbers_unknown;
            break;  // both sides are asked first
        case reaper::Obstacle::data_in_flight: return Hindrance::data_in_flight;
        case reaper::Obstacle::not_quiet: return Hindrance::not_quiet;
        case reaper::Obstacle::none: break;
    }
    const bool observes = tuning.observe || timeouts(record).on_expiry == policy::OnExpiry::observe;
    if (breakers_[record.policy].open() && !requested && !observes) return Hindrance::policy_stopped;
    const policy::Timeouts& t = timeouts(record);
    const bool too_long = at >= record.half_closed_at + t.fin_wait_2_max;
    const bool asks = t.on_expiry == policy::OnExpiry::probe && !tuning.observe && !too_long;
    const bool closed = reaper::window_closed(record, at);
    return closed && !asks && !requested ? Hindrance::window_closed : Hindrance::none;
}

}  // namespace finwait::engine
