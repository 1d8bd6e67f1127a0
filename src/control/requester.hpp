// The process at the other end of a control connection, as the kernel knew it when it connected: SO_PEERCRED
// and SO_PEERGROUPS (unix(7)), which nobody can forge and which later changes do not touch.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace finwait::control {

struct Requester {
    long uid = -1;  // -1 where the kernel does not say
    long pid = -1;
    std::string user = {};           // "" where it has no name
    std::vector<gid_t> groups = {};  // its own one and the supplementary ones

    /// "bob (uid 1001)", or the number alone where it has no name.
    [[nodiscard]] std::string text() const;
};

/// What the kernel says, without the user's name: that is a matter of the name service, which may take its
/// time. No system call of it waits.
[[nodiscard]] Requester credentials_of(int socket);
/// The same with the user's name, where the name service tells it soon enough (UserNames).
[[nodiscard]] Requester peer_of(int socket);

}  // namespace finwait::control
