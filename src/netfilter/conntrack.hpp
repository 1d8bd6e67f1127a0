// Asks the kernel's conntrack how a connection is translated: ctnetlink, over a socket of its own. Linux's
// include/uapi/linux/netfilter/nfnetlink_conntrack.h is the protocol. Connections in a conntrack zone other
// than the default one are not found where they are translated.
#pragma once

#include "netfilter/tracked.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace finwait::netfilter {

struct ConntrackError {
    std::string message;  // what failed, and why
};

class Conntrack {
  public:
    /// The ends of a connection as the forward hook shows them, the lesser one first, and what was found of
    /// it.
    using Wanted = std::map<std::pair<tcp::Endpoint, tcp::Endpoint>, std::optional<Translation>>;

    [[nodiscard]] static std::variant<Conntrack, ConntrackError> open();
    Conntrack(Conntrack&& other) noexcept : fd_(std::exchange(other.fd_, -1)), sequence_(other.sequence_) {}
    Conntrack& operator=(Conntrack&& other) noexcept {
        std::swap(fd_, other.fd_);
        std::swap(sequence_, other.sequence_);
        return *this;
    }
    ~Conntrack();

    /// Asks for one connection, by the tuples that can be known: finds it unless its source and its
    /// destination are both translated. Two system calls or four, and no waiting.
    [[nodiscard]] std::variant<std::optional<Translation>, ConntrackError> find(const tcp::Endpoint& a,
                                                                                const tcp::Endpoint& b);
    /// Looks for connections of which both are translated, in one pass over the whole of conntrack's table:
    /// milliseconds, or a good part of a second where it is large.
    [[nodiscard]] std::optional<ConntrackError> search(Wanted& wanted);

    /// Begins to read the whole table, piece by piece.
    [[nodiscard]] std::optional<ConntrackError> begin_dump();
    /// What a piece of it holds; empty at its end. Entries that come or go meanwhile may be missing. Nothing
    /// else may be asked in between.
    [[nodiscard]] std::variant<std::vector<Tracked>, ConntrackError> next_piece();
    /// Sets the bits of `mask` in the mark of a connection.
    [[nodiscard]] std::optional<ConntrackError> mark(const Translation& connection, std::uint32_t mask);

  private:
    explicit Conntrack(int fd) : fd_(fd) {}
    [[nodiscard]] std::variant<std::optional<Translation>, ConntrackError> get(const tcp::Endpoint& from,
                                                                               const tcp::Endpoint& to);
    [[nodiscard]] bool send(std::span<const char> message) const;

    int fd_ = -1;
    std::uint32_t sequence_ = 0;
    bool dumping_ = false;
};

}  // namespace finwait::netfilter
