// Which flows an operand means: a filter, or ids as list shows them. And what is said of ids that no flow
// has any more.
#pragma once

#include "control/protocol.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/output.hpp"
#include "policy/filter.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace finwait::ctl {

/// Whether ids are meant: no filter begins like that.
[[nodiscard]] bool begins_with_id(const std::string& operand);

/// Puts the operand into the request: its words as ids when the first of them is one, each once; else as a
/// filter. False when it is neither, and why has been printed.
[[nodiscard]] bool choose_flows(const std::string& operand, control::Request& request, Output& err,
                                policy::Purpose purpose = policy::Purpose::query);

/// The last events of a flow, as far as the daemon remembers any; empty when it does not, or does not answer.
[[nodiscard]] std::vector<nlohmann::json> last_events(const std::string& socket, std::string_view id);
/// The same for people, a line each.
[[nodiscard]] std::string text_of_events(const std::vector<nlohmann::json>& events);

/// "finwaitctl: no flow 3f2a-17".
void print_never(const std::string& id, Output& err);
/// "finwaitctl: flow 3f2a-17 is over" and how, or that there is no such flow.
void print_missing(const std::string& socket, const std::string& id, Output& err);
/// The same of each of `wanted` that is not in `seen`: failed where there is one, else done.
[[nodiscard]] ExitCode print_missing(const std::string& socket, const std::vector<std::string>& wanted,
                                     const std::vector<std::string>& seen, Output& err);

}  // namespace finwait::ctl
