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

/// Rules as a tool lists them, a line each, without counters.
using Lines = std::vector<std::string>;

/// The lines of a tool's output.
[[nodiscard]] Lines lines_of(std::string_view text);

/// "TOOL: what it said: what to do".
[[nodiscard]] std::string describe(std::string_view tool, const ToolResult& result);

/// A note for an operator: what it means that our segments cannot be kept from conntrack.
[[nodiscard]] std::string without_untracked(const std::string& problem);

namespace nftables {
/// Where this kernel has no notrack, `plan` is changed to go without, and `notes` says so.
[[nodiscard]] Problem install(RulePlan& plan, std::vector<std::string>& notes);
/// Empties the queueing chain; its hook stays.
[[nodiscard]] Problem silence();
/// Removes our table; no problem when there is none.
[[nodiscard]] Problem remove();
/// Our table; no lines when there is none.
[[nodiscard]] Problem list(Lines& lines);
/// Puts back what is missing of these rules. The chains that are there stay, for what is queued by a chain
/// that goes is dropped; `anew`: they do not, as there may be others among them.
[[nodiscard]] Problem restore(const RulePlan& plan, bool anew);
}  // namespace nftables

namespace iptables {
/// For IPv4, and for IPv6 unless the system has none: `notes` says so. Where the raw table or its CT target
/// is missing, `plan` is changed to go without, and `notes` says that, too.
[[nodiscard]] Problem install(RulePlan& plan, std::vector<std::string>& notes);
/// Takes back the jumps that hand packets to us.
[[nodiscard]] Problem silence();
/// Removes our jumps and chains from all tables; no problem when there are none.
[[nodiscard]] Problem remove();
/// Our chains, and the jumps to them, in the tables that `plan` needs.
[[nodiscard]] Problem list(const RulePlan& plan, Lines& lines);
/// Installs these rules anew, which drops nothing.
[[nodiscard]] Problem restore(const RulePlan& plan);
}  // namespace iptables

}  // namespace finwait::netfilter
