#include "engine/explain.hpp"

#include "engine/impl.hpp"
#include "tcp/signing.hpp"

#include <algorithm>

namespace finwait::engine {

namespace {

std::string_view name_of(Stage s) {
    switch (s) {
        case Stage::provisional: return "provisional";
        case Stage::established: return "established";
        case Stage::fin_wait_1: return "fin-wait-1";
        case Stage::half_closed: return "half-closed";
        case Stage::closing: return "closing";
        case Stage::finished: return "finished";
        case Stage::unsettled: return "unsettled";
    }
    return "finished";
}

std::optional<std::int32_t> unacknowledged(const tcp::Connection& c, tcp::Role role) {
    if (!tcp::exact(c)) return std::nullopt;
    return c.of(role).next - c.of(other(role)).ack;
}

SideExplanation side_explanation(const flow::Record& record, tcp::Role role, Instant now) {
    const flow::Inquiry& inquiry = record.reaping.of(role);
    const tcp::Side& side = record.connection.of(role);
    SideExplanation out;
    out.evidence = inquiry.evidence;
    out.probes = inquiry.probes;
    if (inquiry.probes > 0) out.asked = std::max(Duration(0), now - inquiry.asked);
    if (inquiry.answered != Instant()) out.answered = now - inquiry.answered;
    out.outstanding = inquiry.outstanding;
    out.near_missed = inquiry.near_missed;
    out.target = inquiry.target;
    out.confirmed = inquiry.confirmed;
    out.is_signed = tcp::is_signed(record.connection);
    out.multipath = side.multipath;
    out.unacknowledged = unacknowledged(record.connection, role);
    return out;
}

}  // namespace

std::string_view name(Hindrance h) {
    switch (h) {
        case Hindrance::none: return "none";
        case Hindrance::untouchable: return "untouchable";
        case Hindrance::numbers_unknown: return "numbers_unknown";
        case Hindrance::data_in_flight: return "data_in_flight";
        case Hindrance::not_quiet: return "not_quiet";
        case Hindrance::window_closed: return "window_closed";
        case Hindrance::policy_stopped: return "policy_stopped";
        case Hindrance::spared: return "spared";
        case Hindrance::on_hold: return "on_hold";
    }
    return "none";
}

std::string_view name(Turn t) {
    switch (t) {
        case Turn::ask: return "ask";
        case Turn::count_silent: return "count_silent";
        case Turn::near_miss: return "near_miss";
        case Turn::leave: return "leave";
        case Turn::reset: return "reset";
        case Turn::confirm: return "confirm";
        case Turn::record: return "record";
        case Turn::confirmed: return "confirmed";
        case Turn::unconfirmed: return "unconfirmed";
        case Turn::refused: return "refused";
        case Turn::look_again: return "look_again";
        case Turn::take_back: return "take_back";
        case Turn::believe: return "believe";
        case Turn::forget: return "forget";
    }
    return "forget";
}

PolicyExplanation Engine::Impl::explain_policy(const policy::Policy& policy,
                                               const policy::Subject& subject) const {
    return {policy, policy.match.matches(subject), policy.match.explain(subject)};
}

std::optional<Explanation> Engine::Impl::explain(Instant now, FlowId id) const {
    const std::optional<std::uint32_t> slot = slot_of(id);
    if (!slot) return std::nullopt;
    Record record = table_.look(*slot);
    doubt(record);
    const flow::Reaping& reaping = record.reaping;
    Explanation out;
    out.flow = report(now, *slot);
    out.stage = name_of(stage(record));
    out.policy = explain_policy(tuning.policies[record.policy], out.flow.subject);
    for (std::uint8_t i = 0; i < record.policy; ++i)
        out.passed_over.push_back(explain_policy(tuning.policies[i], out.flow.subject));
    out.observing = tuning.observe;
    if (record.half_closed) out.half_closed = now - record.half_closed_at;
    if (reaping.since != Instant()) out.in_phase = now - reaping.since;
    out.reason = reaping.reason;
    out.requested = reaping.requested;
    out.ambiguity = record.ambiguity;
    out.rounds = reaping.attempts;
    for (const tcp::Role role : {tcp::Role::client, tcp::Role::server})
        out.side[tcp::index(role)] = side_explanation(record, role, now);
    out.hindrance = hindrance(record, now);
    const Instant wakes = wheel_.wakes(*slot);
    out.unanswered = foresee(now, wakes, record, false);
    out.answered = foresee(now, wakes, record, true);
    return out;
}

}  // namespace finwait::engine
