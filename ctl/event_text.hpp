// An event on one line, for people.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace finwait::ctl {

/// `event` as the daemon answers `events`; with its newline.
[[nodiscard]] std::string event_text(const nlohmann::json& event);

}  // namespace finwait::ctl
