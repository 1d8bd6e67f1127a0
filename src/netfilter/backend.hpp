// What the two firewall tools are asked to do. Each function says what went wrong, for an operator to read;
// nothing when all went well. They keep no state: what is installed is found out from the kernel.
#pragma once

#include "netfilter/own_rules.hpp"
#include "netfilter/process.hpp"
#include "netfilter/removal.hpp"
#include "netfilter/rules.hpp"
#include "netfilter/xtables.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::netfilter {

using Problem = std::optional<std::string>;

/// "TOOL: what it said: what to do".
[[nodiscard]] std::string describe(std::string_view tool, const ToolResult& result);

/// A note for an operator: what it means that our segments cannot be kept from conntrack.
[[nodiscard]] std::string without_untracked(const std::string& problem);

namespace nftables {
/// Where this kernel has no notrack, `plan` is changed to go without, and `notes` says so. Looks afterwards
/// whether all rules are there. Where it fails, some may be there all the same.
[[nodiscard]] Problem install(RulePlan& plan, std::vector<std::string>& notes, const ToolTime& time);
/// Removes our table, and looks whether it is gone.
[[nodiscard]] Removal remove(const ToolTime& time);
/// Our table; no lines when there is none.
[[nodiscard]] Problem list(Lines& lines, const ToolTime& time);
/// Puts back what is missing of these rules. The chains that are there stay, for what is queued by a chain
/// that goes is dropped; `anew`: they do not, as there may be others among them.
[[nodiscard]] Problem restore(const RulePlan& plan, bool anew, const ToolTime& time);
}  // namespace nftables

namespace iptables {
using Families = std::vector<Xtables>;

/// What "iptables" and "ip6tables" stand for now; empty without iptables.
[[nodiscard]] Families find_families();
/// For IPv4, and for IPv6 unless the system has none: `notes` says so. Where the raw table or its CT target
/// is missing, `plan` is changed to go without, and `notes` says that, too. REQUIRES: there are no rules of
/// ours. What was installed before something failed stays. Looks afterwards whether all rules are there.
[[nodiscard]] Problem install(const Families& families, RulePlan& plan, std::vector<std::string>& notes,
                              const ToolTime& time);
/// Removes our jumps and chains from all tables of one variant, and looks whether they are gone.
[[nodiscard]] Removal remove(const Xtables& tool, const ToolTime& time);
/// Our chains, and the jumps to them, in all tables.
[[nodiscard]] Problem list(const Families& families, Lines& lines, const ToolTime& time);
/// Removes these rules and installs them again, which drops nothing.
[[nodiscard]] Problem restore(const Families& families, const RulePlan& plan, const ToolTime& time);
}  // namespace iptables

}  // namespace finwait::netfilter
