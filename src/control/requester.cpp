#include "control/requester.hpp"

#include "control/user_names.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

namespace finwait::control {
namespace {

/// The kernel says how much room the list takes when there is too little.
std::vector<gid_t> groups_of(int socket) {
    std::vector<gid_t> groups(64);
    auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    int failed = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
    if (failed != 0 && size > groups.size() * sizeof(gid_t)) {
        groups.resize(size / sizeof(gid_t));
        failed = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
    }
    groups.resize(failed == 0 ? size / sizeof(gid_t) : 0);
    return groups;
}

}  // namespace

Requester credentials_of(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
    Requester found{static_cast<long>(peer.uid), static_cast<long>(peer.pid), {}, groups_of(socket)};
    found.groups.push_back(peer.gid);
    return found;
}

Requester peer_of(int socket) {
    static UserNames names;
    Requester found = credentials_of(socket);
    if (found.uid >= 0) found.user = names.of(static_cast<uid_t>(found.uid));
    return found;
}

std::string Requester::text() const {
    return user.empty() ? fmt::format("uid {}", uid) : fmt::format("{} (uid {})", user, uid);
}

}  // namespace finwait::control
