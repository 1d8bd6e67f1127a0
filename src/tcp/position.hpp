// Where the two sides of a half-closed connection stand, after a time in which segments may have passed
// unseen: a restart, a full queue, rules that were missing, or forged segments that have led conntrack
// astray. The numbers that were known are right if nothing passed. So they are kept, in doubt, until the
// sides' own next words confirm or correct them.
#pragma once

#include "tcp/segment.hpp"
#include "tcp/side.hpp"

namespace finwait::tcp {

/// Segments may have passed unseen. The numbers of a half-closed connection are in doubt from now on; any
/// other's are lost, for it proves them anew by what it does next. Of an unfinished handshake nothing is
/// left: the rest of it may have passed.
void note_gap(Connection& connection);

/// Whether a number of either side is in doubt (guessed or stale). exact() is false until none is.
[[nodiscard]] bool in_doubt(const Connection& connection);

/// What a segment shows of numbers that are in doubt.
enum class Finding : std::uint8_t {
    nothing,
    confirmed,     // its sender stands where it was
    caught_up,     // the same, and it has got what its peer was known to have sent: progress
    advanced,      // its sender has gone on unseen: its numbers are those of the segment. Progress
    contradicted,  // conntrack's report was wrong: its sender has not closed
};

/// Holds a segment of `from` against numbers that are in doubt, and moves them. To be called before anything
/// else judges the segment. REQUIRES: in_doubt().
Finding check_position(Connection& connection, Role from, const Segment& segment);

/// `silent` answers nothing any more. A reset towards it needs no word of its own if its peer has closed and
/// it has acknowledged that: its number is the end of the peer's FIN, whatever it has sent since. While a
/// report is open (report.hpp) the word of either side has to do.
void excuse_silence(Connection& connection, Role silent);

}  // namespace finwait::tcp
