// How the sides of listed flows know each other, asked of conntrack on the control thread.
#pragma once

#include "control/context.hpp"

namespace finwait::daemon {

/// For one request. Connections of which source and destination are both translated take passes over the
/// whole of conntrack's table: there are none any more when they have taken too long.
[[nodiscard]] control::LookUp look_up_peers();

/// Whether conntrack says that this machine changes the flow's sequence numbers after the forward hook. False
/// also where conntrack does not know the flow, or both its source and its destination are translated.
[[nodiscard]] bool shifts_numbers(const engine::FlowReport& flow);

}  // namespace finwait::daemon
