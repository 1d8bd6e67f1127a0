// What changes in the kernel whenever somebody changes firewall rules, and is asked for without running a
// tool: the generation of nftables' ruleset (NFT_MSG_GETGEN, net/netfilter/nf_tables_api.c), which
// iptables-nft counts up, too, and the sizes of the legacy tables (IPT_SO_GET_INFO, ip_tables.c).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace finwait::netfilter {

class RuleStamp {
  public:
    RuleStamp();
    RuleStamp(const RuleStamp&) = delete;
    RuleStamp& operator=(const RuleStamp&) = delete;
    ~RuleStamp();

    /// Equal to the one before as long as nobody has changed a rule; never equal to an empty one.
    [[nodiscard]] std::vector<std::uint32_t> read();
    /// As of the last read(): there is no change that it would not show. A legacy table whose rules are
    /// replaced by as many others of the same size stays as large as it was.
    [[nodiscard]] bool complete() const { return complete_; }

  private:
    struct Sockets;
    std::unique_ptr<Sockets> sockets_;
    bool complete_ = false;
};

}  // namespace finwait::netfilter
