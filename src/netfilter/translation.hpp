// The names that NAT gives a connection's two ends are the core's (flow/translation.hpp); conntrack finds
// them.
#pragma once

#include "flow/translation.hpp"

namespace finwait::netfilter {

using flow::Face;
using flow::Translation;

}  // namespace finwait::netfilter
