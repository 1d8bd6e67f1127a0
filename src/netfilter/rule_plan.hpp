// What finwaitd's firewall rules depend on, and the rules as text, for nft and for iptables.
// Own chains (iptables: FINWAITD in mangle, filter, security and raw) or the own table (nftables: inet
// finwaitd) only. Knows no tool and no kernel.
#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <string>

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

/// The input of `nft -f -`: one transaction that replaces a stale table.
[[nodiscard]] std::string render_nftables(const RulePlan& plan);
/// The input of `iptables-restore --noflush`, and of ip6tables-restore: one text for both.
[[nodiscard]] std::string render_iptables(const RulePlan& plan);
/// Of that, what hands segments to us, and what tells our own from others and keeps them from conntrack; the
/// latter is empty where it is not wanted.
[[nodiscard]] std::string render_iptables_intercept(const RulePlan& plan);
[[nodiscard]] std::string render_iptables_own(const RulePlan& plan);

}  // namespace finwait::netfilter
