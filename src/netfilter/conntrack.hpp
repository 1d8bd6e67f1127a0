// Asks the kernel's conntrack how a connection is translated: ctnetlink, over a socket of its own. Linux's
// include/uapi/linux/netfilter/nfnetlink_conntrack.h is the protocol. Connections in a conntrack zone other
// than the default one are not found where they are translated.
#pragma once

#include "netfilter/tracked.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
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
    /// The connection's entry as it is now; empty when there is none. One or two system calls.
    [[nodiscard]] std::variant<std::optional<Translation>, ConntrackError> look(
        const Translation& connection);
    /// Whether it knows no connection at all. False also where it does not say.
    [[nodiscard]] bool empty();
    /// Looks for connections of which both are translated, in one pass over the whole of conntrack's table:
    /// milliseconds, or a good part of a second where it is large. Where several connections have the ends
    /// that are wanted, one of them is found, and it is `shared`.
    [[nodiscard]] std::optional<ConntrackError> search(Wanted& wanted);
    /// Shows every connection in conntrack's table of whose mark all bits of `mark` are set to `take`, until
    /// it returns false; the same cost. It may take its time: meanwhile the kernel waits.
    [[nodiscard]] std::optional<ConntrackError> list(std::uint32_t mark,
                                                     const std::function<bool(const Tracked&)>& take);
    /// Lets a connection's entry end only after `time`, unless a segment passes meanwhile. The kernel says
    /// nothing to it unless there is no such entry, and that is of no interest.
    void give_time(const Translation& connection, std::chrono::seconds time);
    /// And puts its state right, where conntrack has taken a half-closed connection for one that is over.
    void keep_half_closed(const Translation& connection, std::chrono::seconds time);
    /// Removes a connection's entry if it is the one that was found, and not one that has taken its place.
    void remove(const Translation& connection);

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
    template<typename Take>
    [[nodiscard]] std::optional<ConntrackError> ask(std::span<const char> request, Take take);
    [[nodiscard]] std::optional<ConntrackError> begin_dump(std::span<const char> request);
    template<typename Take>
    [[nodiscard]] std::optional<ConntrackError> read_piece(Take take);
    template<typename Take>
    [[nodiscard]] std::optional<ConntrackError> dump(std::span<const char> request, Take take);
    void drain() const;
    [[nodiscard]] bool send(std::span<const char> message) const;

    int fd_ = -1;
    std::uint32_t sequence_ = 0;
    bool dumping_ = false;
    bool interrupted_ = false;
};

}  // namespace finwait::netfilter
