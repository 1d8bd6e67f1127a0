// The connections of this machine's own sockets that are older than the daemon, for adoption. The kernel's
// word on a socket is better evidence than conntrack's entry, which may be gone: conntrack forgets a
// connection in CLOSE_WAIT after a minute, its socket stays for days. conntrack tells what a socket cannot:
// under NAT, the peer's own address.
#pragma once

#include "engine/adoptee.hpp"
#include "host/socket_message.hpp"
#include "netfilter/tracked.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace finwait::daemon {

class OwnConnections {
  public:
    /// `own`: this machine's addresses. With `loopback` connections from this machine to itself count, too.
    /// At most `most` are kept.
    OwnConnections(std::set<tcp::Address> own, bool loopback, std::size_t most)
        : own_(std::move(own)), loopback_(loopback), most_(most) {}

    /// Takes note of a socket: one that is open or half-closed, or one that listens.
    void add(const host::ListedSocket& listed);
    /// The connection that conntrack's entry is of, with the addresses that its packets show; it is not given
    /// away again. Empty when no socket that was added has it.
    [[nodiscard]] std::optional<engine::Adoptee> take(const netfilter::Translation& entry, Instant now);
    /// Some of those that are left, at most `count`, as their sockets name them; not given away again.
    [[nodiscard]] std::vector<engine::Adoptee> take_some(std::size_t count, Instant now);
    /// Sockets for which there was no room.
    [[nodiscard]] std::size_t left_out() const { return left_out_; }

  private:
    using Names = std::pair<tcp::Endpoint, tcp::Endpoint>;  // local, remote
    struct Known {
        tcp::State state;
        Duration idle;
    };

    [[nodiscard]] bool here(const tcp::Address& address) const;
    [[nodiscard]] engine::Adoptee adoptee(const Known& known, const tcp::Endpoint& local,
                                          const tcp::Endpoint& remote, bool local_opened, Instant now) const;

    std::set<tcp::Address> own_;
    bool loopback_;
    std::size_t most_;
    std::size_t left_out_ = 0;
    std::map<Names, Known> sockets_;
    std::set<std::uint16_t> listening_;
};

}  // namespace finwait::daemon
