// Sockets of this machine: its kernel is asked, and ends them.
#include "egress/machine.hpp"

namespace finwait::egress {
namespace {

/// An application that waits in FIN_WAIT_2 holds its socket; without one nobody reads any more.
flow::Evidence evidence_of(const Socket* socket) {
    if (socket == nullptr) return flow::Evidence::gone;
    const bool closed_first =
        socket->state == tcp::State::fin_wait_1 || socket->state == tcp::State::fin_wait_2;
    return closed_first && socket->orphaned ? flow::Evidence::orphan : flow::Evidence::alive;
}

}  // namespace

Machine::Actions Machine::ask_socket(const tcp::Segment& segment) {
    const QuerySocket question{segment.destination, segment.source};
    if (!segment.any(tcp::flag::rst)) return ask(Step::probe_socket, question);
    if (sockets_ != Sockets::asked_and_ended) return transmit_as(segment, Path::untracked);
    return ask(Step::find_socket_to_end, question);
}

/// What a probe would find out, the kernel says. For numbers that nobody knows any more one is sent even so;
/// a socket that is bound to a device would not get it, and an RST would answer. That there is none proves
/// nothing while NAT may have shown it its peer under another name, unless it was found before.
Machine::Actions Machine::take_socket(Instant now, const Answer& answer) {
    const engine::Send& order = job_.order;
    if (std::holds_alternative<Failed>(answer)) {
        note(Problem::sockets_unknown);
        return give_up();
    }
    const auto* socket = std::get_if<Socket>(&answer);
    const bool by_names_of_conntrack = job_.names.state == State::found;
    if (socket != nullptr && !by_names_of_conntrack) known_.note_socket(now, order.flow);
    if (socket != nullptr && !socket->bound && order.for_numbers)
        return transmit_as(as_expected(), Path::untracked);
    const bool by_known_names =
        by_names_of_conntrack || known_.of(now, order.flow).socket_found || order.after_reset;
    if (socket == nullptr && !by_known_names) return give_up();
    return finish_with(engine::SocketState{order.flow, order.segment.destination, evidence_of(socket)});
}

/// A socket that is not there any more needs no RST.
Machine::Actions Machine::take_socket_to_end(const Answer& answer) {
    const tcp::Segment segment = as_expected();
    if (std::holds_alternative<NoSocket>(answer)) return finish();
    if (std::holds_alternative<Failed>(answer)) return transmit_as(segment, Path::untracked);
    return ask(Step::destroy_socket, DestroySocket{segment.destination, segment.source});
}

Machine::Actions Machine::take_destroyed(Destroyed destroyed) {
    if (destroyed == Destroyed::no) return transmit_as(as_expected(), Path::untracked);
    ++counts_.ended;
    if (destroyed == Destroyed::with_rst) ended_here_ = job_.order.flow;
    return finish();
}

}  // namespace finwait::egress
