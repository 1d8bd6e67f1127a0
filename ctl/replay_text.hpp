// A replayed capture for people: one line a flow, the timeline of one flow, and what was passed over.
#pragma once

#include "ctl/invocation.hpp"
#include "replay/replay.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace finwait::ctl {

void print_flows(const replay::Replay& replay, Terminal& terminal);
void print_timeline(const replay::Replay& replay, std::size_t index, Terminal& terminal);
/// "1 flow", "2 flows".
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view what);
/// How many packets and flows there were: "29 packets: 29 TCP; 1 flow".
[[nodiscard]] std::string summary_text(const replay::Replay& replay);
/// Packets that were not readable, or flows that found no room.
[[nodiscard]] bool passed_something_over(const replay::Replay& replay);

}  // namespace finwait::ctl
