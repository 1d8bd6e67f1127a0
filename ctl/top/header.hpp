// The lines above the list of flows: how the daemon does, and what is being looked at.
#pragma once

#include "ctl/top/view.hpp"

#include <vector>

namespace finwait::ctl::top {

/// The most important ones first where not all fit; the last one is the filter's.
[[nodiscard]] std::vector<Line> header_of(const Model& model, Clock::time_point now);

/// How old what is shown is, or why it does not get younger.
[[nodiscard]] Line state_line(const Model& model, Clock::time_point now);

}  // namespace finwait::ctl::top
