// The firewall rules that hand segments to us: rendering them, installing them, removing them.
// Own chains (iptables: FINWAITD in mangle, filter, security and raw) or the own table (nftables: inet
// finwaitd) only.
#pragma once

#include "config/settings.hpp"
#include "netfilter/process.hpp"
#include "netfilter/xtables.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace finwait::netfilter {

/// What owns the sockets by which we send: no group that anybody is in. The rules know our packets by it.
inline constexpr std::uint32_t kSenderGroup = 0x66696e77;

/// What the rules depend on.
struct RulePlan {
    config::Packets packets = config::Packets::selective;
    std::uint16_t first_queue = 0;
    std::uint16_t queues = 1;
    std::uint32_t mark_mask = 0x40000000;
    /// What we send ourselves passes conntrack by.
    bool untracked = true;
    config::Scope scope = config::Scope::forward;
    /// With this machine's own sockets: also what never leaves it.
    bool loopback = false;
    config::Spread spread = config::Spread::addresses;
};

enum class RuleBackend : std::uint8_t { nftables, iptables };

[[nodiscard]] std::string_view name(RuleBackend b);

/// The input of `nft -f -`: one transaction that replaces a stale table.
[[nodiscard]] std::string render_nftables(const RulePlan& plan);
/// The input of `iptables-restore --noflush`, and of ip6tables-restore: one text for both.
[[nodiscard]] std::string render_iptables(const RulePlan& plan);
/// Of that, what hands segments to us, and what tells our own from others and keeps them from conntrack; the
/// latter is empty where it is not wanted.
[[nodiscard]] std::string render_iptables_intercept(const RulePlan& plan);
[[nodiscard]] std::string render_iptables_own(const RulePlan& plan);

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

    /// Removes chains or table, from every backend that is installed. REQUIRES: no packet is queued any more:
    /// one that a removed hook has queued is dropped.
    void remove(const ToolTime& time = ToolTime(kRemovalPatience));
    /// What remove() has left, why, and how to remove it by hand; empty when nothing is left.
    [[nodiscard]] const std::optional<std::string>& problem() const { return problem_; }
    /// Backends other than ours that have not answered remove(), and why.
    [[nodiscard]] const std::vector<std::string>& unknown() const { return unknown_; }

  private:
    InstalledRules() = default;
    std::optional<RuleBackend> backend_;
    std::vector<Xtables> families_;  // the variant of iptables that installed them
    std::optional<std::string> problem_;
    std::vector<std::string> unknown_;
    bool active_ = false;
    RulePlan plan_;  // as it could be carried out
};

}  // namespace finwait::netfilter
