#include "own_connections.hpp"

#include <algorithm>

namespace finwait::daemon {

void OwnConnections::add(const host::ListedSocket& listed) {
    const tcp::State state = listed.socket.state;
    if (state == tcp::State::listen) {
        listening_.insert(listed.local.port);
        return;
    }
    const bool wanted = state == tcp::State::established || state == tcp::State::fin_wait_2 ||
                        state == tcp::State::close_wait;
    if (!wanted || listed.local == listed.remote || (!loopback_ && here(listed.remote.address))) return;
    if (sockets_.size() >= most_) {
        ++left_out_;
        return;
    }
    sockets_.insert_or_assign({listed.local, listed.remote}, Known{state, listed.idle});
}

/// A socket names its peer as NAT shows it.
std::optional<engine::Adoptee> OwnConnections::take(const netfilter::Translation& entry, Instant now) {
    std::optional<engine::Adoptee> found;
    for (const bool local_opened : {true, false}) {
        const netfilter::Face& local = local_opened ? entry.opener : entry.answerer;
        const netfilter::Face& remote = local_opened ? entry.answerer : entry.opener;
        const auto at = sockets_.find({local.own, remote.shown});
        if (at == sockets_.end()) continue;
        if (!found) found = adoptee(at->second, local.own, remote.own, local_opened, now);
        sockets_.erase(at);
    }
    return found;
}

std::vector<engine::Adoptee> OwnConnections::take_some(std::size_t count, Instant now) {
    std::vector<engine::Adoptee> some;
    while (some.size() < count && !sockets_.empty()) {
        const auto first = sockets_.begin();
        const auto& [local, remote] = first->first;
        constexpr bool kLocalOpened = true;  // where the port does not tell otherwise
        some.push_back(adoptee(first->second, local, remote, kLocalOpened, now));
        sockets_.erase(first);
    }
    return some;
}

bool OwnConnections::here(const tcp::Address& address) const {
    constexpr std::uint8_t kLoopbackNetwork = 127;
    return own_.contains(address) || (address.is_v4() && address.v4_bytes()[0] == kLoopbackNetwork);
}

/// conntrack may have picked the connection up from a segment of the side that did not open it, so that a
/// port on which somebody listens tells more than `local_opened`.
engine::Adoptee OwnConnections::adoptee(const Known& known, const tcp::Endpoint& local,
                                        const tcp::Endpoint& remote, bool local_opened, Instant now) const {
    const bool server = listening_.contains(local.port) || !local_opened;
    const tcp::Role role = server ? tcp::Role::server : tcp::Role::client;
    engine::Adoptee out;
    out.client = server ? remote : local;
    out.server = server ? local : remote;
    if (known.state == tcp::State::fin_wait_2) out.closer = role;
    if (known.state == tcp::State::close_wait) out.closer = other(role);
    out.opened = out.last_seen = now - std::min(known.idle, now.since_origin());
    out.told_by_socket = true;
    const bool both = here(remote.address);
    out.client_is_local = !server || both;
    out.server_is_local = server || both;
    return out;
}

}  // namespace finwait::daemon
