// Why a side moved, for people: the events of the tracker's table that lead from its state before a step to
// the one after it and that the step's segment can have proved.
#pragma once

#include "flow/trail.hpp"

#include <cstddef>
#include <span>
#include <string>

namespace finwait::replay {

/// What happened at `steps[i]`, with the section of RFC 9293: "it sent a FIN (3.10.4: …)". `steps` is a
/// flow's history from its beginning.
[[nodiscard]] std::string explain(std::span<const flow::Step> steps, std::size_t i);

/// "client FIN|ACK seq 5 ack 9 len 0"; "-" when no segment proved the step.
[[nodiscard]] std::string segment_text(const flow::Step& step);

}  // namespace finwait::replay
