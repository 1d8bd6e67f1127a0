// The window test: which segments a receiver could accept, judged from the middle of the path.
// Four bounds after G. van Rooij, "Real stateful TCP packet filtering" (2000), as nf_conntrack_proto_tcp.c
// and pf apply them; each bound is used only when the numbers it needs are known.
#pragma once

#include "tcp/segment.hpp"
#include "tcp/side.hpp"

namespace finwait::tcp {

/// Whether a segment with ACK and without SYN or RST from `from` is plausible.
[[nodiscard]] bool in_window(const Connection& connection, Role from, const Segment& segment);
/// The first two of the four bounds alone: where it lies, whatever it acknowledges.
[[nodiscard]] bool sequence_in_window(const Connection& connection, Role from, const Segment& segment);

/// Bytes that `role` offers by the window field `raw` of a segment without SYN.
[[nodiscard]] std::uint32_t scaled_window(const Connection& connection, Role role, std::uint16_t raw);

}  // namespace finwait::tcp
