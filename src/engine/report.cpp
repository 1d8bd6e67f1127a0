#include "engine/report.hpp"

#include "engine/engine.hpp"

#include <charconv>

namespace finwait::engine {

namespace {

template<typename T>
bool read_whole(std::string_view text, T& value, int base) {
    const char* end = text.data() + text.size();
    const auto [ptr, error] = std::from_chars(text.data(), end, value, base);
    return error == std::errc() && ptr == end;
}

}  // namespace

std::string FlowId::text() const {
    char hex[9];
    const auto end = std::to_chars(hex, hex + sizeof hex, slot, 16).ptr;
    return std::string(hex, end) + "-" + std::to_string(generation);
}

std::optional<FlowId> FlowId::parse(std::string_view text) {
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    FlowId id;
    if (!read_whole(text.substr(0, dash), id.slot, 16) ||
        !read_whole(text.substr(dash + 1), id.generation, 10))
        return std::nullopt;
    return id;
}

Counters& Counters::operator+=(const Counters& more) {
    packets_seen += more.packets_seen;
    packets_invalid += more.packets_invalid;
    packets_unparsed += more.packets_unparsed;
    packets_untracked += more.packets_untracked;
    flows_opened += more.flows_opened;
    flows_adopted += more.flows_adopted;
    flows_evicted += more.flows_evicted;
    half_closed += more.half_closed;
    expired += more.expired;
    observed += more.observed;
    probes_sent += more.probes_sent;
    probes_unreachable += more.probes_unreachable;
    resets_sent += more.resets_sent;
    resets_confirmed += more.resets_confirmed;
    resets_unconfirmed += more.resets_unconfirmed;
    resets_refused += more.resets_refused;
    resets_unsent += more.resets_unsent;
    probes_unsent += more.probes_unsent;
    probes_delayed += more.probes_delayed;
    resets_delayed += more.resets_delayed;
    resets_held_back += more.resets_held_back;
    crowded += more.crowded;
    shifted += more.shifted;
    shared += more.shared;
    strangers += more.strangers;
    packets_lost += more.packets_lost;
    events_lost += more.events_lost;
    memory_refused += more.memory_refused;
    for (std::size_t i = 0; i < kAnswerCount; ++i)
        answers[i] += more.answers[i];
    return *this;
}

Gauges& Gauges::operator+=(const Gauges& more) {
    flows += more.flows;
    limit += more.limit;
    half_closed += more.half_closed;
    for (std::size_t role = 0; role < half_closed_by.size(); ++role)
        half_closed_by[role] += more.half_closed_by[role];
    fast_path += more.fast_path;
    for (std::size_t role = 0; role < sides.size(); ++role)
        for (std::size_t state = 0; state < sides[role].size(); ++state)
            sides[role][state] += more.sides[role][state];
    return *this;
}

PolicyCounts& PolicyCounts::operator+=(const PolicyCounts& more) {
    flows += more.flows;
    half_closed += more.half_closed;
    asked += more.asked;
    expired += more.expired;
    reset += more.reset;
    confirmed += more.confirmed;
    unconfirmed += more.unconfirmed;
    refused += more.refused;
    observed += more.observed;
    right += more.right;
    regret += more.regret;
    stopped = stopped || more.stopped;
    lasted += more.lasted;
    longest_idle += more.longest_idle;
    return *this;
}

std::string_view name(KillResult r) {
    switch (r) {
        case KillResult::requested: return "reset";
        case KillResult::not_found: return "not found";
        case KillResult::not_exact: return "numbers not known exactly";
        case KillResult::untouchable: return "signed, multipath or ambiguous, left alone";
        case KillResult::already_closed: return "already closed";
    }
    return "not found";
}

}  // namespace finwait::engine
