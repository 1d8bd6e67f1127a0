#include "control/explain_json.hpp"

#include "control/encode.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

namespace finwait::control {
namespace {

using json = nlohmann::ordered_json;

json rounded_seconds(std::optional<Duration> d) {
    if (!d || *d == policy::kOff) return nullptr;
    return std::round(in_seconds(*d) * 1000) / 1000;
}

json terms(const std::vector<policy::Term>& terms) {
    json out = json::array();
    for (const policy::Term& term : terms)
        out.push_back({{"text", term.text}, {"holds", term.holds}, {"decides", term.decides}});
    return out;
}

json match(const engine::PolicyExplanation& e) {
    return {{"name", e.policy.name},
            {"match", e.policy.match.text()},
            {"matches", e.matches},
            {"terms", terms(e.terms)}};
}

json policy_in_force(const engine::PolicyExplanation& e) {
    const policy::Timeouts& t = e.policy.timeouts;
    json out = match(e);
    out["fin_wait_2_s"] = rounded_seconds(t.fin_wait_2);
    out["fin_wait_2_max_s"] = rounded_seconds(t.fin_wait_2_max);
    out["on_expiry"] = policy::name(t.on_expiry);
    out["probe_interval_s"] = rounded_seconds(t.probe_interval);
    out["probe_attempts"] = t.probe_attempts;
    out["alive_max_s"] = rounded_seconds(t.alive_max);
    out["orphan_test"] = policy::name(t.orphan_test);
    out["reset"] = policy::name(t.reset);
    return out;
}

json side(const engine::SideExplanation& s) {
    return {{"evidence", flow::name(s.evidence)},
            {"probes", s.probes},
            {"asked_s", rounded_seconds(s.asked)},
            {"answered_s", rounded_seconds(s.answered)},
            {"outstanding", s.outstanding},
            {"near_missed", s.near_missed},
            {"target", s.target},
            {"confirmed", s.confirmed},
            {"signed", s.is_signed},
            {"multipath", s.multipath},
            {"unacknowledged", s.unacknowledged ? json(*s.unacknowledged) : json()}};
}

json prospects(const std::vector<engine::Prospect>& prospects) {
    json out = json::array();
    for (const engine::Prospect& p : prospects) {
        json one = {
            {"in_s", rounded_seconds(p.in)}, {"step", engine::name(p.turn)}, {"sides", json::array()}};
        for (const tcp::Role role : {tcp::Role::client, tcp::Role::server})
            if (p.side[tcp::index(role)]) one["sides"].push_back(tcp::name(role));
        if (p.attempt > 0) one["attempt"] = p.attempt;
        if (!p.reason.empty()) one["reason"] = p.reason;
        if (p.hindrance != engine::Hindrance::none) one["hindrance"] = engine::name(p.hindrance);
        out.push_back(std::move(one));
    }
    return out;
}

/// The report's policy name points into the engine that made it; the explanation has its own.
json flow(const engine::Explanation& e) {
    engine::FlowReport report = e.flow;
    report.subject.policy = e.policy.policy.name;
    std::string text;
    append_flow(text, report, Detail::sides);
    return json::parse(text);
}

}  // namespace

std::string explanation_json(const engine::Explanation& e) {
    json passed_over = json::array();
    for (const engine::PolicyExplanation& policy : e.passed_over)
        passed_over.push_back(match(policy));
    const json out = {
        {"flow", flow(e)},
        {"stage", e.stage},
        {"half_closed_s", rounded_seconds(e.half_closed)},
        {"policy", policy_in_force(e.policy)},
        {"passed_over", std::move(passed_over)},
        {"mode", e.observing ? "observe" : "enforce"},
        {"in_phase_s", rounded_seconds(e.in_phase)},
        {"reason", e.reason.empty() ? json() : json(e.reason)},
        {"requested", e.requested},
        {"rounds", e.rounds},
        {"sequence_shift", e.ambiguity == flow::Ambiguity::numbers},
        {"shared_ends", e.ambiguity == flow::Ambiguity::ends},
        {"evidence", {{"client", side(e.side[0])}, {"server", side(e.side[1])}}},
        {"hindrance", e.hindrance == engine::Hindrance::none ? json() : json(engine::name(e.hindrance))},
        {"next", prospects(e.unanswered)},
        {"if_answered", prospects(e.answered)}};
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace finwait::control
