// What the two firewall tools are asked to do. Each function says what went wrong, for an operator to read;
// nothing when all went well. They keep no state: what is installed is found out from the kernel.
#pragma once

#include "netfilter/process.hpp"
#include "netfilter/rules.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::netfilter {

using Problem = std::optional<std::string>;

/// "TOOL: what it said: what to do".
[[nodiscard]] std::string describe(std::string_view tool, const ToolResult& result);

namespace nftables {
[[nodiscard]] Problem install(const RulePlan& plan);
/// Empties the queueing chain; its hook stays.
[[nodiscard]] Problem silence();
/// Removes our table; no problem when there is none.
[[nodiscard]] Problem remove();
}  // namespace nftables

namespace iptables {
/// For IPv4, and for IPv6 unless the system has none: `notes` says so.
[[nodiscard]] Problem install(const RulePlan& plan, std::vector<std::string>& notes);
/// Takes back the jump from mangle FORWARD.
[[nodiscard]] Problem silence();
/// Removes our jumps and chains from both tables; no problem when there are none.
[[nodiscard]] Problem remove();
}  // namespace iptables

}  // namespace finwait::netfilter
