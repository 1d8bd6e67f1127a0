// What conntrack says of a connection that is older than we are, or has moved on while its segments passed
// unseen: whether it is open, or one side has closed.
// It keeps one state for both sides and tells no numbers. So a half-close is a claim without numbers, which
// the sides' own next words settle or contradict; and also afterwards it stands only until the side that is
// said to have closed sends more.
#pragma once

#include "tcp/recall.hpp"
#include "tcp/side.hpp"

#include <array>
#include <optional>

namespace finwait::tcp {

/// A connection that is said to be open; `released`: on the fast path.
[[nodiscard]] Connection open_by_hearsay(bool released);

/// A connection of which `closer` is said to have closed. `guesses` stand for the numbers of client and
/// server until they are known: what is asked with them draws an answer all the same, and whoever answers by
/// RST must have seen the question.
[[nodiscard]] Connection half_closed_by_hearsay(Role closer, const std::array<Seq, 2>& guesses);

/// The same for a connection that was picked up midway since then, so that its states are not all known: it
/// takes over what does not contradict what it has been seen to do.
void take_hearsay(Connection& connection, std::optional<Role> closer, const std::array<Seq, 2>& guesses);

/// The same for a connection that was followed, until segments passed unseen: its handshake is complete, and
/// neither side has closed; or `closer` has, and the other side has not. Numbers that were known hold no
/// longer.
void open_unseen(Connection& connection);
void half_close_unseen(Connection& connection, Role closer, const std::array<Seq, 2>& guesses);

/// Its half-close is a claim, and its numbers are not known. recalled() holds for it, too.
[[nodiscard]] inline bool blind(const Connection& connection) {
    return connection.blind;
}

/// Takes the numbers of a blind connection from what `from` says.
Recollection settle_blind(Connection& connection, Role from, const Segment& segment);

/// Whether the FIN of a half-closed connection is known by conntrack's report alone: no segment has shown it.
[[nodiscard]] bool fin_reported(const Connection& connection);

/// Takes back a reported FIN that both sides' answers neither prove nor contradict. What they told of their
/// numbers holds with and without it; their states are unknown. REQUIRES: fin_reported().
void withdraw_report(Connection& connection);

/// Takes that back: the FIN of `closer` is reported again. REQUIRES: exact(), no FIN has passed, and `closer`
/// has sent nothing since.
void repeat_report(Connection& connection, Role closer);

/// Takes a half-close that rests on hearsay back; false when there is none. What is known afterwards is that
/// the side that was not said to have closed had not, when we began to watch.
bool retract_hearsay(Connection& connection);

/// Whoever began it was the other side.
void swap_roles(Connection& connection);

}  // namespace finwait::tcp
