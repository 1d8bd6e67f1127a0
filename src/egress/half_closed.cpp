// What is found out of a flow when it becomes half-closed.
#include "egress/machine.hpp"

#include <cassert>

namespace finwait::egress {

Machine::Actions Machine::note_half_closed(Instant, const engine::Event& event) {
    assert(!asks());
    noting_ = {event.id, event.client, event.server};
    return sockets_ == Sockets::unknown ? note_entry() : note_sockets(Step::note_client_socket);
}

/// A socket that is there under these names is known by them, and is gone when it is not there any more.
/// conntrack need not know the flow for that.
Machine::Actions Machine::note_sockets(Step step) {
    const bool client = step == Step::note_client_socket;
    return ask(step, client ? QuerySocket{noting_.client, noting_.server}
                            : QuerySocket{noting_.server, noting_.client});
}

Machine::Actions Machine::take_noted_socket(Instant now, const Answer& answer) {
    if (std::holds_alternative<Socket>(answer)) {
        known_.note_socket(now, noting_.flow);
        return note_entry();
    }
    return step_ == Step::note_client_socket ? note_sockets(Step::note_server_socket) : note_entry();
}

/// Of a connection that conntrack did not know at its FIN, the entry began behind that and has no mark. What
/// came back since then may have passed unseen.
Machine::Actions Machine::note_entry() {
    if (!translates_ || mark_ == 0) return finish();
    return ask(Step::note_entry, FindEntry{noting_.client, noting_.server});
}

Machine::Actions Machine::take_noted_entry(const Answer& answer) {
    const auto* found = std::get_if<flow::Translation>(&answer);
    if (found == nullptr || (found->mark & mark_) == mark_) return finish();
    return ask(Step::note_mark, MarkEntry{*found, mark_});
}

}  // namespace finwait::egress
