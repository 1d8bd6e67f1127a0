// Which segments are signed, by MD5 (RFC 2385) or AO (RFC 5925), and which ones their receiver drops because
// of that. Signatures cannot be verified here, so anybody can send a segment that looks signed. The SYNs of
// both sides say what they have agreed on; and what was acknowledged has not been dropped.
#pragma once

#include "tcp/segment.hpp"
#include "tcp/side.hpp"

namespace finwait::tcp {

/// Both sides sign, so that they drop whatever we could make.
[[nodiscard]] inline bool is_signed(const Connection& connection) {
    return connection.side[0].unsigned_dropped && connection.side[1].unsigned_dropped;
}

/// Whether the receiver drops a segment of `from` because it is signed, or because it is not: then it must
/// change nothing that is known. Takes note of what it proves about signing itself: an acknowledgment of
/// something unsigned takes back what SYNs have said.
[[nodiscard]] bool dropped_unread(Connection& connection, Role from, const Segment& segment);

/// A segment of `from` that was found plausible acknowledges what its peer has sent unsigned.
void note_unsigned_taken(Connection& connection, Role from, const Segment& segment);

}  // namespace finwait::tcp
