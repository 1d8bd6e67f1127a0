// Writes and reads single messages of ctnetlink.
#pragma once

#include "netfilter/tracked.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>

struct nlmsghdr;

namespace finwait::netfilter {

/// Room for any request of ours.
using ConntrackRequest = std::array<char, 512>;

/// Writes the request for the entry one of whose tuples is `from` → `to`; what of the room it takes.
[[nodiscard]] std::span<const char> write_get(ConntrackRequest& room, std::uint32_t sequence,
                                              const tcp::Endpoint& from, const tcp::Endpoint& to);
/// Writes the request for all entries whose source and destination are translated. A kernel that cannot
/// choose by status (before Linux 5.15) sends the others, too.
[[nodiscard]] std::span<const char> write_dump(ConntrackRequest& room, std::uint32_t sequence);

/// Writes the request for the number of entries.
[[nodiscard]] std::span<const char> write_count(ConntrackRequest& room, std::uint32_t sequence);

/// Writes the request for all entries of whose mark all bits of `mark` are set.
[[nodiscard]] std::span<const char> write_dump_all(ConntrackRequest& room, std::uint32_t sequence,
                                                   std::uint32_t mark);
/// Writes the request to give an entry another timeout.
[[nodiscard]] std::span<const char> write_timeout(ConntrackRequest& room, std::uint32_t sequence,
                                                  const Translation& connection, std::chrono::seconds time);
/// The same, and to take it for half-closed: the state that conntrack calls CLOSE_WAIT, by whosever FIN.
[[nodiscard]] std::span<const char> write_half_closed(ConntrackRequest& room, std::uint32_t sequence,
                                                      const Translation& connection,
                                                      std::chrono::seconds time);
/// Writes the request to remove the entry with the translation's id.
[[nodiscard]] std::span<const char> write_removal(ConntrackRequest& room, std::uint32_t sequence,
                                                  const Translation& connection);

/// Writes the order to set the bits of `mask` in an entry's mark.
[[nodiscard]] std::span<const char> write_mark(ConntrackRequest& room, std::uint32_t sequence,
                                               const Translation& connection, std::uint32_t mask);

/// An error message's errno, 0 for an acknowledgment; empty for any other message. The message must be whole,
/// here and below.
[[nodiscard]] std::optional<int> read_error(const nlmsghdr& message);
/// What the end of a dump says of it: errno, 0 when all went well.
[[nodiscard]] int read_result(const nlmsghdr& done);
/// What answers write_count(); empty when it is anything else.
[[nodiscard]] std::optional<std::uint32_t> read_count(const nlmsghdr& message);
/// An entry of the default zone; empty when the message is anything else, or not of TCP.
[[nodiscard]] std::optional<Tracked> read_tracked(const nlmsghdr& message);
/// An entry's translation; empty when the message is anything else, or not of TCP.
[[nodiscard]] std::optional<Translation> read_translation(const nlmsghdr& message);

}  // namespace finwait::netfilter
