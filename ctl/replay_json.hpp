// A replayed flow as JSON: the same object that `list --json` prints, and what only a capture can tell.
#pragma once

#include "replay/replay.hpp"

#include <cstddef>
#include <string>

namespace finwait::ctl {

/// {"id":…,…,"number":…,"start_s":…,"forgotten_s":…,"history":[…],"would_reset":[…]}: times in seconds since
/// the capture's first packet.
void append_replayed(std::string& out, const replay::Replay& replay, std::size_t index);

}  // namespace finwait::ctl
