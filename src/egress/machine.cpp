// One segment's way: by which names it leaves, and whether the connection is still queued.
#include "egress/machine.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace finwait::egress {
namespace {

std::optional<flow::Ambiguity> ambiguity(const flow::Translation& connection) {
    if (connection.shifted) return flow::Ambiguity::numbers;
    if (connection.shared) return flow::Ambiguity::ends;
    return std::nullopt;
}

}  // namespace

void Machine::translate() {
    translates_ = true;
    waiting_.reserve(kMostWaiting);
}

void Machine::know_own_sockets(bool can_destroy) {
    sockets_ = can_destroy ? Sockets::asked_and_ended : Sockets::asked;
}

Machine::Actions Machine::send(Instant now, const engine::Send& order) {
    assert(!asks() && released_ == 0);
    job_.order = order;
    job_.names = {};
    job_.waited.reset();
    if (distrusted_until_ != Instant::never() && order.last_seen <= distrusted_until_) {
        note(Problem::unproven);
        return give_up();
    }
    if (!translates_) return transmit();
    job_.names = known_.of(now, order.flow);
    switch (job_.names.state) {
        case State::unknown: return find_names(Step::find_names);
        case State::sought:
        case State::checked: return park(now);
        case State::none: return mark_ != 0 ? find_names(Step::find_names_again) : transmit();
        case State::found: break;
    }
    // As an earlier segment of this burst has found out.
    if (const auto why = ambiguity(job_.names.translation)) return refuse(*why);
    if (mark_ == 0) return transmit();
    return ask(Step::check_entry, ReadEntry{job_.names.translation});
}

Machine::Actions Machine::resume(Instant now, const Answer& answer) {
    assert(asks());
    const auto yes = [&answer] { return std::get<Told>(answer).yes; };
    switch (step_) {
        case Step::find_names:
        case Step::find_names_again: return take_entry(now, answer);
        case Step::check_table: return take_table(now, std::get<Table>(answer));
        case Step::scan_table: known_.set(job_.order.flow, job_.names); return park(now);
        case Step::check_entry: return check_known(answer);
        case Step::mark_entry:
            if (std::holds_alternative<Failed>(answer)) note(Problem::names_unknown);
            return tell_gap();
        case Step::tell_gap: return take_gap(yes());
        case Step::let_go: return let_go(now, yes());
        case Step::probe_socket: return take_socket(now, answer);
        case Step::find_socket_to_end: return take_socket_to_end(answer);
        case Step::destroy_socket: return take_destroyed(std::get<Destroyed>(answer));
        case Step::note_client_socket:
        case Step::note_server_socket: return take_noted_socket(now, answer);
        case Step::note_entry: return take_noted_entry(answer);
        case Step::note_mark:
            // Where that has failed, it is tried again before a segment leaves.
            return std::holds_alternative<Done>(answer) ? finish_with(engine::Gap{noting_.flow}) : finish();
        case Step::sent:
        case Step::parked:
        case Step::done: break;
    }
    return finish();
}

Machine::Actions Machine::abandon() {
    const bool noting = step_ >= Step::note_client_socket && step_ <= Step::note_mark;
    if (step_ == Step::done || noting) return finish();
    if (step_ == Step::parked) waiting_.pop_back();
    if (job_.waited) known_.forget(job_.order.flow);
    return give_up();
}

Machine::Actions Machine::not_sent(const tcp::Segment& segment, Refusal why) {
    assert(!asks());
    const bool full = why == Refusal::queue_full;
    ++(full ? counts_.queue_full : counts_.refused);
    note(full ? Problem::queue_full : Problem::refused);
    return finish_with(engine::Unsent{segment, true});
}

std::optional<Problem> Machine::end_burst(Instant now) {
    assert(!asks());
    step_ = Step::done;
    ended_here_.reset();
    doubted_.reset();
    const std::optional<Problem> problem = std::exchange(problem_, std::nullopt);
    const bool told = told_problem_ != Instant::never() && now < told_problem_ + kBetweenProblems;
    if (!problem || told) return std::nullopt;
    told_problem_ = now;
    return problem;
}

std::optional<flow::Translation> Machine::translation(Instant now, engine::FlowId flow) {
    const Translations::Entry entry = known_.of(now, flow);
    if (entry.state != State::found) return std::nullopt;
    return entry.translation;
}

Machine::Actions Machine::ask(Step step, const Action& question) {
    step_ = step;
    actions_.assign(1, question);
    return actions_;
}

Machine::Actions Machine::finish() {
    step_ = Step::done;
    actions_.clear();
    return actions_;
}

Machine::Actions Machine::finish_with(const engine::Notice& notice) {
    step_ = Step::done;
    actions_.assign(1, notice);
    return actions_;
}

Machine::Actions Machine::give_up() {
    ++counts_.not_sent;
    return finish_with(engine::Unsent{job_.order.segment, !job_.waited});
}

Machine::Actions Machine::refuse(flow::Ambiguity why) {
    ++counts_.not_sent;
    return finish_with(engine::Ambiguous{job_.order.flow, why});
}

void Machine::note(Problem problem) {
    problem_ = std::min(problem_.value_or(problem), problem);
}

Machine::Actions Machine::find_names(Step step) {
    return ask(step, FindEntry{job_.order.segment.source, job_.order.segment.destination});
}

Machine::Actions Machine::take_entry(Instant now, const Answer& answer) {
    if (const auto* found = std::get_if<flow::Translation>(&answer)) return take_found(now, *found);
    if (step_ == Step::find_names_again) return transmit();  // conntrack still does not know it
    if (std::holds_alternative<NoEntry>(answer)) return ask(Step::check_table, CheckTable{});
    note(Problem::names_unknown);
    return give_up();
}

/// By NAT two connections may have the same two ends at the forward hook (one client port, two addresses that
/// lead to one server port). conntrack then gives the second another source port behind the hook, so that
/// only a search finds that one. So where conntrack has seen no FIN of the entry that it has found, that may
/// be the wrong one of two.
Machine::Actions Machine::take_found(Instant now, const flow::Translation& found) {
    const bool closing = job_.order.to_local || job_.order.half_closed;
    job_.names = {found.open && closing ? State::checked : State::found, now, found};
    if (job_.names.state == State::checked) return scan();
    known_.set(job_.order.flow, job_.names);
    return check(found);
}

/// Where conntrack knows nothing at all, a search would find nothing.
Machine::Actions Machine::take_table(Instant now, const Table& table) {
    job_.names = {table.empty ? State::none : State::sought, now, {}};
    if (!table.empty) return scan();
    known_.set(job_.order.flow, job_.names);
    return transmit();
}

/// Where our bits are missing in a connection's mark, somebody has flushed conntrack or written the mark: the
/// flow's segments have passed unseen, and replies would. The bits are set again, and both sides are probed
/// again for their numbers. The same holds where forged RSTs and SYNs have led conntrack astray: it may take
/// what the sides send for invalid, so their silence proves nothing.
Machine::Actions Machine::check(const flow::Translation& connection) {
    const engine::Send& order = job_.order;
    if (const auto why = ambiguity(connection)) return refuse(*why);
    if (doubted_ == order.flow) return give_up();
    const bool marked = (connection.mark & mark_) == mark_;
    // What our own RSTs, or those of a socket that we have ended here, have made of it does not count.
    const bool by_us = order.after_reset || ended_here_ == order.flow;
    if (marked && (!connection.astray || by_us)) return transmit();
    if (marked) return tell_gap();
    return ask(Step::mark_entry, MarkEntry{connection, mark_});
}

/// An entry that is gone has nothing of which our bits could be missing; the answer to a probe makes a new
/// one.
Machine::Actions Machine::check_known(const Answer& answer) {
    if (const auto* current = std::get_if<flow::Translation>(&answer)) return check(*current);
    if (std::holds_alternative<NoEntry>(answer)) return transmit();
    note(Problem::names_unknown);
    return give_up();
}

Machine::Actions Machine::tell_gap() {
    const engine::Send& order = job_.order;
    const bool makes_sure = order.after_reset && !order.segment.any(tcp::flag::rst);
    if (makes_sure || order.guessed) return transmit();
    return ask(Step::tell_gap, engine::Gap{order.flow});
}

Machine::Actions Machine::take_gap(bool asked) {
    if (!asked) return transmit();
    doubted_ = job_.order.flow;
    return give_up();
}

tcp::Segment Machine::as_expected() const {
    tcp::Segment segment = job_.order.segment;
    if (job_.names.state == State::found) job_.names.translation.apply(segment);
    return segment;
}

/// A probe of a connection that conntrack does not know makes it known again; otherwise an RST that answers
/// it would be invalid, and never be queued. With numbers that are made up conntrack would get to know
/// another connection.
Machine::Actions Machine::transmit() {
    const engine::Send& order = job_.order;
    const tcp::Segment segment = as_expected();
    if (order.to_local && sockets_ != Sockets::unknown) return ask_socket(segment);
    const bool rst = segment.any(tcp::flag::rst);
    if (rst && ended_here_ == order.flow) return finish();
    const bool unknown = job_.names.state == State::none;
    if (unknown && order.guessed) return give_up();
    if (unknown) ++counts_.no_entry;
    if (segment.source != order.segment.source) ++counts_.translated;
    return transmit_as(segment, unknown && !rst ? Path::tracked : Path::untracked);
}

/// Routes are chosen before a source is translated.
Machine::Actions Machine::transmit_as(const tcp::Segment& segment, Path path) {
    step_ = Step::sent;
    actions_.assign(1, Transmit{{segment, job_.order.segment.source}, path});
    return actions_;
}

}  // namespace finwait::egress
