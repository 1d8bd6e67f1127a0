// What will happen to a flow, and what is in the way, as sentences.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace finwait::ctl {

/// Whether finwaitd sends nothing for the flow by itself: by its mode, or by the flow's policy.
[[nodiscard]] bool only_observed(const nlohmann::json& explanation);

/// Whether conntrack reported the flow half-closed, and finwaitd has withdrawn that report because no reply
/// confirmed it.
[[nodiscard]] bool report_withdrawn(const nlohmann::json& explanation);

/// What comes next and when, of an explanation as the daemon gives it.
[[nodiscard]] std::vector<std::string> next_sentences(const nlohmann::json& explanation);

/// Why the flow is not ended at this moment; never empty.
[[nodiscard]] std::vector<std::string> hindrance_sentences(const nlohmann::json& explanation);

}  // namespace finwait::ctl
