// An explanation of a flow as JSON: the data behind `finwaitctl explain`. Asked for one flow at a time, so it
// may go through a DOM.
#pragma once

#include "engine/explain.hpp"

#include <string>

namespace finwait::control {

/// {"flow":{…},"stage":…,"policy":{…},"evidence":{…},"next":[…],"if_answered":[…],…}: the flow as `show` has
/// it; what "_s" ends is in seconds, and null where it never happened or never will.
[[nodiscard]] std::string explanation_json(const engine::Explanation& explanation);

}  // namespace finwait::control
