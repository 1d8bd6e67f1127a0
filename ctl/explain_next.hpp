// What will happen to a flow, and what is in the way, as sentences.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace finwait::ctl {

/// What comes next and when, of an explanation as the daemon gives it.
[[nodiscard]] std::vector<std::string> next_sentences(const nlohmann::json& explanation);

/// Why the flow is not ended at this moment; never empty.
[[nodiscard]] std::vector<std::string> hindrance_sentences(const nlohmann::json& explanation);

}  // namespace finwait::ctl
