// What the reaper does and hears, told as events: each step with its reason.

#include "engine/impl.hpp"

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

constexpr std::string_view kSilent = "it has answered none of its attempts";
constexpr std::string_view kUnreachable =
    "it has not answered, and the network reports that it cannot be reached";
constexpr std::string_view kAgain = "it has not answered yet";
constexpr std::string_view kAnotherId = "its answer had IPv4 id 0: does the next one have it, too?";
constexpr std::string_view kMakeSure = "after the RST: is it gone?";
constexpr std::string_view kNearMiss = "both sides answer: does the closer's application still read?";

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

void Engine::Impl::on_word(Instant now, FlowId flow, const tcp::Endpoint& end, Evidence word) {
    const std::optional<std::uint32_t> slot = slot_of(flow);
    if (!slot) return;
    Record& record = table_[*slot];
    const Phase phase = record.reaping.phase;
    const tcp::Role side = record.role_of(end);
    const flow::Inquiry before = record.reaping.of(side);
    reaper::hear_word(record, side, word, now);
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

void Engine::Impl::tell_steps(Instant now, std::uint32_t slot, const flow::Reaping& before,
                              const reaper::Decision& decision, Actions& actions) {
    const Record record = table_.look(slot);
    const auto tell = [&](EventType type, std::optional<tcp::Role> side, std::string_view reason) {
        Event e = event(now, slot, type, reason);
        e.side = side;
        actions.emplace_back(e);
    };
    const bool confirming = record.reaping.phase == Phase::confirming;
    for (const tcp::Role role : {tcp::Role::client, tcp::Role::server}) {
        const flow::Inquiry& earlier = before.of(role);
        const flow::Inquiry& inquiry = record.reaping.of(role);
        const bool turned_silent =
            inquiry.evidence == Evidence::silent && earlier.evidence != Evidence::silent;
        const bool turned_unreachable =
            inquiry.evidence == Evidence::unreachable && earlier.evidence != Evidence::unreachable;
        if (turned_silent) tell(EventType::silent, role, kSilent);
        if (turned_unreachable) tell(EventType::silent, role, kUnreachable);
        if (turned_silent) count(Answer::silent);
        if (turned_unreachable) count(Answer::unreachable);
        const bool asked = decision.segments.probes > 0 && inquiry.probes > earlier.probes;
        if (asked && (confirming || before.phase == Phase::probing))
            tell(EventType::asked_again, role,
                 confirming         ? kMakeSure
                 : inquiry.id_asked ? kAnotherId
                                    : kAgain);
    }
    const bool near_miss = decision.segments.count > decision.segments.probes + decision.segments.resets;
    if (near_miss) tell(EventType::near_miss, record.reaping.closer, kNearMiss);
    if (decision.segments.resets > 0 && record.reaping.attempts > 1)
        tell(EventType::reset_again, std::nullopt, decision.reason);
}

void Engine::Impl::tell_revival(Instant now, std::uint32_t slot, flow::Phase before) {
    if (table_[slot].reaping.phase != Phase::watching) return;
    push_event(event(now, slot, EventType::revived,
                     before == Phase::probing ? "it made progress while it was asked"
                                              : "it made progress in spite of being reset"));
}

}  // namespace finwait::engine
