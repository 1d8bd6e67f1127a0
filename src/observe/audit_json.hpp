// Events as lines of JSON, with the names that Suricata's EVE gave the common fields, so that what reads EVE
// reads these: https://docs.suricata.io/en/latest/output/eve/eve-json-format.html
#pragma once

#include "engine/action.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::observe {

using WallClock = std::chrono::system_clock;

/// "2024-05-01T12:00:00.123456+02:00": ISO 8601, local time.
[[nodiscard]] std::string timestamp(WallClock::time_point at);

/// {"timestamp":…,"flow_id":…,"event_type":"tcp_reset","src_ip":…,…,"finwaitd":{"action":"reset",…}}: the
/// client is the source. No newline.
[[nodiscard]] std::string event_line(WallClock::time_point at, const engine::Event& event,
                                     const std::string& policy);

/// Who is at the other end of the control socket; -1 and "" where that is not known.
struct Requester {
    long uid = -1;
    long pid = -1;
    std::string user = {};
};

/// A tcp_reset with the action "requested", and what the engine made of it.
[[nodiscard]] std::string kill_line(WallClock::time_point at, const Requester& by,
                                    const engine::FlowReport& flow, std::string_view result);

/// A config_reload: what was wrong with the file, or nothing when it is in force. Nobody has asked for it
/// where a signal came.
[[nodiscard]] std::string reload_line(WallClock::time_point at, const Requester& by, const std::string& file,
                                      const std::vector<std::string>& problems);

/// A policy_resumed.
[[nodiscard]] std::string resume_line(WallClock::time_point at, const Requester& by,
                                      const std::string& policy);

/// A request_refused: a command, and what it was to be carried out on.
[[nodiscard]] std::string refused_line(WallClock::time_point at, const Requester& by,
                                       std::string_view command, const std::string& operand);

/// A rules_changed: "missing", with the lines that are, or "restored".
[[nodiscard]] std::string rules_line(WallClock::time_point at, std::string_view outcome,
                                     const std::vector<std::string>& missing);

}  // namespace finwait::observe
