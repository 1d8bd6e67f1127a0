// Numbers that are remembered from before a time in which segments may have passed unseen, a restart or a
// full queue: right if nothing passed, so they are kept as a claim that the sides' own next words confirm or
// contradict.
#pragma once

#include "tcp/segment.hpp"
#include "tcp/side.hpp"

namespace finwait::tcp {

/// The numbers of a half-closed connection become a claim; any other's are lost, for it proves them anew by
/// what it does next. Of an unfinished handshake nothing is left: the rest of it may have passed.
void recall(Connection& connection);

/// Whether a claim is left: exact() is false until both sides' numbers are confirmed.
[[nodiscard]] bool recalled(const Connection& connection);

enum class Recollection : std::uint8_t {
    open,          // the segment says nothing about it
    confirmed,     // its sender stands where it is remembered
    caught_up,     // and has got what its peer was known to have sent, of which it was behind: progress
    contradicted,  // something passed unseen: its sender's numbers are those of the segment
};

/// Holds a segment of `from` against the claim. To be called before anything else judges the segment.
Recollection check_recalled(Connection& connection, Role from, const Segment& segment);

/// `silent` answers nothing any more. A reset towards it needs no word of its own if its peer has closed and
/// it has acknowledged that: its number is the end of the peer's FIN, whatever it has sent since. Of a blind
/// connection (hearsay.hpp) the word of either side has to do.
void excuse_silence(Connection& connection, Role silent);

}  // namespace finwait::tcp
