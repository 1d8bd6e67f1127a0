#include "replay/explain.hpp"

#include "tcp/segment.hpp"
#include "tcp/transitions.hpp"

#include <optional>
#include <vector>

namespace finwait::replay {
namespace {

using flow::Step;
using tcp::Event;
using tcp::State;
using Path = std::vector<const tcp::Transition*>;

/// Whether the step's segment can be what the event speaks of: "it" is the step's side.
bool can_prove(const Step& step, Event event) {
    using namespace tcp::flag;
    const bool sent = step.from == step.side;
    const bool has_syn = (step.flags & syn) != 0;
    const bool has_ack = (step.flags & ack) != 0;
    const bool has_fin = (step.flags & fin) != 0;
    switch (event) {
        case Event::sent_syn: return sent && has_syn && !has_ack;
        case Event::sent_syn_ack: return sent && has_ack;
        case Event::syn_ack_repeated: return sent && has_syn && has_ack;
        case Event::acked_syn: return sent && has_ack && !has_syn;
        case Event::sent_fin:
        case Event::sent_fin_before:
        case Event::fin_repeated: return sent && has_fin;
        case Event::acked_fin:
        case Event::acked_fin_last: return sent && has_ack;
        case Event::syn_acked: return has_ack;
        case Event::fin_acked:
        case Event::fin_acked_both: return !sent && has_ack;
        case Event::reset: return (step.flags & rst) != 0;
    }
    return false;
}

/// Appends the shortest way from `from` to the step's state within `length` events; false when there is none.
/// One segment can prove more than one: a FIN that acknowledges the peer's.
bool find_path(const Step& step, State from, std::size_t length, Path& path) {
    for (const tcp::Transition& t : tcp::transitions()) {
        if (t.from != from || !can_prove(step, t.event)) continue;
        path.push_back(&t);
        if (t.to == step.state || (length > 1 && find_path(step, t.to, length - 1, path))) return true;
        path.pop_back();
    }
    return false;
}

Path shortest_path(const Step& step, State from) {
    constexpr std::size_t kMostEvents = 3;
    Path path;
    for (std::size_t length = 1; length <= kMostEvents; ++length) {
        if (find_path(step, from, length, path)) break;
    }
    return path;
}

std::optional<State> state_before(std::span<const Step> steps, std::size_t i, tcp::Role side) {
    while (i-- > 0) {
        if (steps[i].side == side) return steps[i].state;
    }
    return std::nullopt;
}

std::string first_text(const Step& step) {
    if (step.state == State::unknown) return "picked up midway: nothing is proven yet";
    if (step.state == State::closed) return "it has not been heard yet";
    return "as first seen";
}

/// Moves that the table does not have: claims taken back, and what is concluded of a flow picked up midway.
std::string untabled_text(State from, const Step& step) {
    if (from == State::closed && step.state == State::unknown)
        return "its own segments pass elsewhere: nothing is proven of it";
    if (from == State::unknown) return "picked up midway: what passed since leaves only this";
    if (step.flags == 0) return "the peer never acknowledged its FIN: the claim is dropped";
    if (from == State::closed) return "this segment shows that the RST was not taken";
    return "this segment contradicts the FIN claimed before: the claim is dropped";
}

/// In a flow picked up midway an ACK proves nothing about SYNs, unless a SYN,ACK waited for it.
bool concluded_midway(std::span<const Step> steps, std::size_t i, State from) {
    if (from != State::unknown || (steps[i].flags & (tcp::flag::syn | tcp::flag::rst)) != 0) return false;
    return state_before(steps, i, other(steps[i].side)) != State::syn_received;
}

}  // namespace

std::string explain(std::span<const Step> steps, std::size_t i) {
    const Step& step = steps[i];
    const std::optional<State> before = state_before(steps, i, step.side);
    if (!before && step.flags == 0) return first_text(step);
    const State from = before.value_or(State::closed);
    if (concluded_midway(steps, i, from)) return untabled_text(from, step);
    const Path path = shortest_path(step, from);
    if (path.empty()) return before ? untabled_text(from, step) : first_text(step);
    std::string text;
    for (const tcp::Transition* t : path) {
        if (!text.empty()) text += "; ";
        text.append(tcp::meaning(t->event)).append(" (").append(t->reason).append(")");
    }
    return text;
}

std::string segment_text(const Step& step) {
    if (step.flags == 0) return "-";
    std::string text(tcp::name(step.from));
    text += ' ' + tcp::flags_text(step.flags) + " seq " + std::to_string(step.seq.value());
    if ((step.flags & tcp::flag::ack) != 0) text += " ack " + std::to_string(step.ack.value());
    return text + " len " + std::to_string(step.length);
}

}  // namespace finwait::replay
