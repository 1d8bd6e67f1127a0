// What the reaper does and hears, told as events: each step with its reason.

#include "engine/impl.hpp"

#include <algorithm>
#include <optional>

namespace finwait::engine {

namespace {

using flow::Evidence;
using flow::Phase;

/// Of a socket of this machine.
std::string_view word_of(const flow::Inquiry& inquiry) {
    if (inquiry.confirmed) return "after the reset this machine has no such socket any more";
    switch (inquiry.evidence) {
        case Evidence::orphan: return "the socket is on this machine, and its application has let go of it";
        case Evidence::gone: return "this machine has no such socket";
        default: return "the socket is on this machine, and its application holds it";
    }
}

std::string_view reason_of(const flow::Inquiry& inquiry, Phase phase) {
    if (inquiry.by_word) return word_of(inquiry);
    if (inquiry.confirmed) return "a probe after the reset drew an RST: it is gone";
    if (phase == Phase::confirming)
        return "it answered after the RST: it lives, and tells the number it expects";
    const bool zero_id = inquiry.zero_id_at != Instant::never();
    switch (inquiry.evidence) {
        case Evidence::alive:
            return zero_id ? "it answered with IPv4 id 0, as an orphan does, and a socket once in 65536 times"
                           : "it answered a probe: it is there";
        case Evidence::orphan: return "it answered as a record does: its application has closed both ways";
        case Evidence::gone: return "it answered by RST: it has no such connection";
        default: return flow::name(inquiry.evidence);
    }
}

Answer answer_of(const flow::Inquiry& inquiry, Phase phase) {
    if (inquiry.confirmed) return Answer::gone_after_reset;
    if (phase == Phase::confirming) return Answer::alive_after_reset;
    switch (inquiry.evidence) {
        case Evidence::orphan: return Answer::orphan;
        case Evidence::gone: return Answer::gone;
        default: return Answer::alive;
    }
}

/// How a step is told; empty: it is not. The first probes to both sides, and the RSTs of one round, are told
/// as one.
std::optional<EventType> event_of(const reaper::Step& step, const reaper::Decision& decision) {
    const bool first_of_round = [&] {
        const auto same = [&](const reaper::Step& s) { return s.did == step.did; };
        return std::ranges::find_if(decision.steps, same) == &step;
    }();
    switch (step.did) {
        case reaper::Did::expire: return std::nullopt;
        case reaper::Did::open_inquiry: return EventType::probe;
        case reaper::Did::ask:
            if (decision.steps.has(reaper::Did::open_inquiry)) return std::nullopt;
            return EventType::asked_again;
        case reaper::Did::give_up: return EventType::silent;
        case reaper::Did::test: return EventType::near_miss;
        case reaper::Did::leave: return EventType::left;
        case reaper::Did::reset:
            if (!first_of_round) return std::nullopt;
            return step.attempt > 1 ? EventType::reset_again : EventType::reset;
        case reaper::Did::pass_on: return EventType::reset;
        case reaper::Did::make_sure: return EventType::asked_again;
    }
    return std::nullopt;
}

/// Whom the event of a step concerns: empty for the whole flow.
std::optional<tcp::Role> side_of(const reaper::Step& step) {
    const bool whole = step.did == reaper::Did::reset || step.did == reaper::Did::pass_on;
    return whole ? std::nullopt : step.side;
}

}  // namespace

reaper::Heard Engine::Impl::listen(Instant now, std::uint32_t slot, tcp::Role from,
                                   const tcp::Segment& segment) {
    Record& record = table_[slot];
    const Phase phase = record.reaping.phase;
    if (phase == Phase::watching || phase == Phase::gone) return reaper::Heard::nothing;
    const flow::Inquiry before = record.reaping.of(from);
    const reaper::Heard heard = reaper::hear(record, from, segment, now);
    tell_answer(now, slot, from, before, phase);
    return heard;
}

void Engine::Impl::on_socket_state(Instant now, FlowId flow, const tcp::Endpoint& end, Evidence evidence) {
    const std::optional<std::uint32_t> slot = slot_of(flow);
    if (!slot) return;
    Record& record = table_[*slot];
    const Phase phase = record.reaping.phase;
    const tcp::Role side = record.role_of(end);
    const flow::Inquiry before = record.reaping.of(side);
    reaper::hear_word(record, side, evidence, now);
    tell_answer(now, *slot, side, before, phase);
    if (record.reaping.urgent) arm(*slot, now);
}

void Engine::Impl::tell_answer(Instant now, std::uint32_t slot, tcp::Role from, const flow::Inquiry& before,
                               Phase phase) {
    const flow::Inquiry& inquiry = table_[slot].reaping.of(from);
    const bool answered = before.evidence != inquiry.evidence || before.answered != inquiry.answered;
    if (!answered) return;
    count(answer_of(inquiry, phase));
    Event e = event(now, slot, EventType::answered, reason_of(inquiry, phase));
    e.side = from;
    push_event(e);
}

void Engine::Impl::count_step(const Record& record, const reaper::Step& step) {
    PolicyCounts& policy = policy_counts_[record.policy];
    switch (step.did) {
        case reaper::Did::expire:
            ++counters.expired;
            ++policy.expired;
            return;
        case reaper::Did::open_inquiry: ++policy.asked; return;
        case reaper::Did::ask:
        case reaper::Did::make_sure: ++counters.probes_sent; return;
        case reaper::Did::give_up:
            count(step.evidence == Evidence::silent ? Answer::silent : Answer::unreachable);
            return;
        case reaper::Did::reset: ++counters.resets_sent; return;
        case reaper::Did::pass_on:
        case reaper::Did::test:
        case reaper::Did::leave: return;
    }
}

void Engine::Impl::tell_steps(Instant now, std::uint32_t slot, const reaper::Decision& decision,
                              Actions& actions) {
    const Record record = table_.look(slot);
    for (const reaper::Step& step : decision.steps) {
        count_step(record, step);
        const std::optional<EventType> type = event_of(step, decision);
        if (!type) continue;
        if (*type == EventType::reset) ++policy_counts_[record.policy].reset;
        Event e = event(now, slot, *type, step.reason);
        e.side = side_of(step);
        actions.emplace_back(e);
    }
}

void Engine::Impl::tell_revival(Instant now, std::uint32_t slot, flow::Phase before) {
    if (table_[slot].reaping.phase != Phase::watching) return;
    push_event(event(now, slot, EventType::revived,
                     before == Phase::probing ? "it made progress while it was asked"
                                              : "it made progress in spite of being reset"));
}

}  // namespace finwait::engine
