// What conntrack reports of a connection that is older than we are, or has moved on while its segments passed
// unseen: whether it is open, or one side has closed.
// It keeps one state for both sides and tells no numbers. So a half-close stands without numbers, which the
// sides' own next words settle or contradict; and also afterwards it stands only until the side that is said
// to have closed sends more.
#pragma once

#include "tcp/position.hpp"
#include "tcp/side.hpp"

#include <array>
#include <optional>

namespace finwait::tcp {

/// A connection that is said to be open; `released`: on the fast path.
[[nodiscard]] Connection open_by_report(bool released);

/// A connection of which `closer` is said to have closed. `guesses` stand for the numbers of client and
/// server until they are known: what is asked with them draws an answer all the same, and whoever answers by
/// RST must have seen the question.
[[nodiscard]] Connection half_closed_by_report(Role closer, const std::array<Seq, 2>& guesses);

/// The same for a connection that was picked up midway since then, so that its states are not all known: it
/// takes over what does not contradict what it has been seen to do.
void take_report(Connection& connection, std::optional<Role> closer, const std::array<Seq, 2>& guesses);

/// The same for a connection that was followed, until segments passed unseen: its handshake is complete, and
/// neither side has closed; or `closer` has, and the other side has not. Numbers that were known hold no
/// longer.
void open_unseen(Connection& connection);
void half_close_unseen(Connection& connection, Role closer, const std::array<Seq, 2>& guesses);

/// A half-close is reported, and not both sides have said where they stand. in_doubt() holds for it, too.
[[nodiscard]] bool report_open(const Connection& connection);

/// Takes the numbers from what `from` says. REQUIRES: report_open().
Finding check_report(Connection& connection, Role from, const Segment& segment);

/// Whether the FIN of a half-closed connection is known by conntrack's report alone: no segment has shown it.
[[nodiscard]] bool fin_reported(const Connection& connection);

/// Takes back a reported FIN that both sides' answers neither prove nor contradict. What they told of their
/// numbers holds with and without it; their states are unknown. REQUIRES: fin_reported().
void withdraw_report(Connection& connection);

/// Takes that back: the FIN of `closer` is reported again. REQUIRES: exact(), no FIN has passed, and `closer`
/// has sent nothing since.
void repeat_report(Connection& connection, Role closer);

/// Takes back a half-close that rests on a report; false when there is none. What is known afterwards is that
/// the side that was not said to have closed had not, when we began to watch.
bool retract_report(Connection& connection);

/// Whoever began it was the other side.
void swap_roles(Connection& connection);

}  // namespace finwait::tcp
