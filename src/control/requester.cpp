#include "control/requester.hpp"

#include <array>
#include <fmt/format.h>
#include <pwd.h>
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

std::string user_name(uid_t uid) {
    std::array<char, 16384> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
    return found->pw_name;
}

}  // namespace

Requester peer_of(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
    Requester found{static_cast<long>(peer.uid), static_cast<long>(peer.pid), user_name(peer.uid),
                    groups_of(socket)};
    found.groups.push_back(peer.gid);
    return found;
}

std::string Requester::text() const {
    return user.empty() ? fmt::format("uid {}", uid) : fmt::format("{} (uid {})", user, uid);
}

}  // namespace finwait::control
