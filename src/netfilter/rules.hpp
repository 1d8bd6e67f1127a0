// The firewall rules that hand segments to us: rendering them, installing them, removing them.
// Own chains (iptables: FINWAITD in mangle, filter, security and raw) or the own table (nftables: inet
// finwaitd) only.
#pragma once

#include "config/settings.hpp"

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
};

/// Rules in force; removed by remove() or, at the latest, by the destructor.
class InstalledRules {
  public:
    /// Installs by `backend`; `automatic` tries nftables, then iptables, and `notes` says why it fell back.
    /// Stale rules of an earlier run are replaced. With `none` nothing is touched.
    [[nodiscard]] static std::optional<InstalledRules> install(const RulePlan& plan, config::Backend backend,
                                                               std::vector<std::string>& notes,
                                                               RuleError& error);
    InstalledRules(InstalledRules&&) noexcept;
    InstalledRules& operator=(InstalledRules&&) noexcept;
    ~InstalledRules();

    /// Empty with backend `none`.
    [[nodiscard]] std::optional<RuleBackend> backend() const { return backend_; }
    /// Whether what we send passes conntrack by: wanted, and possible in this kernel. With backend `none` the
    /// operator is taken to have installed the rules that were printed.
    [[nodiscard]] bool untracked() const { return plan_.untracked; }

    /// Our rules as they are there now, a line each, as the tool lists them.
    [[nodiscard]] std::variant<std::vector<std::string>, RuleError> list() const;
    /// Puts back what others have taken away. `anew`: also removes what they have put among ours, which may
    /// cost the packets that are queued.
    [[nodiscard]] std::optional<RuleError> restore(bool anew) const;

    /// First step of a clean end: no further packet is queued, the hooks stay (removing one drops what is
    /// queued).
    void silence();
    /// Second step, when the queues are drained: removes chains or table.
    void remove();
    /// What silence() and remove() could not do, and how to do it by hand; empty when all went well.
    [[nodiscard]] const std::optional<std::string>& problem() const { return problem_; }

  private:
    InstalledRules() = default;
    std::optional<RuleBackend> backend_;
    std::optional<std::string> problem_;
    bool active_ = false;
    RulePlan plan_;  // as it could be carried out
};

}  // namespace finwait::netfilter
