// The firewall rules that hand segments to us: installing them, removing them.
#pragma once

#include "config/settings.hpp"
#include "netfilter/process.hpp"
#include "netfilter/removal.hpp"
#include "netfilter/rule_plan.hpp"
#include "netfilter/xtables.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace finwait::netfilter {

enum class RuleBackend : std::uint8_t { nftables, iptables };

[[nodiscard]] std::string_view name(RuleBackend b);

struct RuleError {
    std::string message;  // what failed, what the tool said, what to do
    bool left = false;    // some rules are there all the same
};

/// What the tools may take together, to install the rules and to remove them.
inline constexpr std::chrono::seconds kInstallPatience(45);
inline constexpr std::chrono::seconds kRemovalPatience(30);
/// The same, once an operator has asked a second time.
inline constexpr std::chrono::seconds kRemovalHurry(5);

/// Rules in force; removed by remove() or, at the latest, by the destructor.
class InstalledRules {
  public:
    /// Installs by `backend`; `automatic` tries nftables, then iptables, and `notes` says why it fell back.
    /// Rules of an earlier run are removed first, from every backend that is installed. Where they cannot be,
    /// nothing is installed, for each segment would be queued twice. With `none` nothing is touched.
    [[nodiscard]] static std::optional<InstalledRules> install(
        const RulePlan& plan, config::Backend backend, std::vector<std::string>& notes, RuleError& error,
        const ToolTime& time = ToolTime(kInstallPatience));
    InstalledRules(InstalledRules&&) noexcept;
    InstalledRules& operator=(InstalledRules&&) noexcept;
    ~InstalledRules();

    /// Empty with backend `none`.
    [[nodiscard]] std::optional<RuleBackend> backend() const { return backend_; }
    /// Whether what we send passes conntrack by: wanted, and possible in this kernel. With backend `none` the
    /// operator is taken to have installed the rules that were printed.
    [[nodiscard]] bool untracked() const { return plan_.untracked; }

    /// Our rules as they are there now, a line each, as the tool lists them.
    [[nodiscard]] std::variant<std::vector<std::string>, RuleError> list(
        const ToolTime& time = ToolTime(kInstallPatience)) const;
    /// Puts back what others have taken away. `anew`: also removes what they have put among ours, which may
    /// cost the packets that are queued.
    [[nodiscard]] std::optional<RuleError> restore(bool anew,
                                                   const ToolTime& time = ToolTime(kInstallPatience)) const;

    /// Removes chains or table, from every backend that is installed, and looks whether they are gone. Tries
    /// again within `time` where a tool fails. REQUIRES: no packet is queued any more:
    /// one that a removed hook has queued is dropped.
    void remove(const ToolTime& time = ToolTime(kRemovalPatience));
    /// What remove() has left, why, and how to remove it by hand; empty when nothing is left.
    [[nodiscard]] const std::optional<std::string>& problem() const { return problem_; }
    /// Backends that have had no rules of ours and could not be looked at by remove(), and why.
    [[nodiscard]] const std::vector<std::string>& unknown() const { return unknown_; }

  private:
    InstalledRules() = default;
    std::optional<RuleBackend> backend_;
    std::vector<Xtables> families_;  // the variant of iptables that installed them
    Places used_;                    // where there have been rules of ours: never taken for empty unseen
    std::optional<std::string> problem_;
    std::vector<std::string> unknown_;
    bool active_ = false;
    RulePlan plan_;  // as it could be carried out
};

}  // namespace finwait::netfilter
