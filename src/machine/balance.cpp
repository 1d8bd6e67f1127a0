#include "machine/balance.hpp"

#include <algorithm>
#include <numeric>

namespace finwait::machine {

std::optional<std::string> Balance::look(std::span<const std::uint32_t> packets, std::uint16_t first_queue,
                                         bool by_ports) {
    const bool first = before_.size() != packets.size();
    std::vector<std::uint32_t> got(packets.begin(), packets.end());
    for (std::size_t i = 0; i < got.size() && !first; ++i)
        got[i] -= before_[i];
    before_.assign(packets.begin(), packets.end());
    if (first || told_ || got.size() < 2) return std::nullopt;

    const std::uint64_t all = std::accumulate(got.begin(), got.end(), std::uint64_t{0});
    const auto most = std::ranges::max_element(got);
    if (all < kLoad * kInterval.count() || *most < kMostOfThem * static_cast<double>(all))
        return std::nullopt;
    told_ = true;
    const auto queue = first_queue + (most - got.begin());
    const auto seconds = static_cast<std::uint64_t>(kInterval.count());
    return "queue " + std::to_string(queue) + " got " + std::to_string(*most * std::uint64_t{100} / all) +
           " % of the last minute's packets (" + std::to_string(all / seconds) + " a second) and the other " +
           std::to_string(got.size() - 1) + " the rest: " +
           (by_ports ? "few connections make most of the traffic; nothing spreads a single one"
                     : "packets are spread by addresses, and a few hosts exchange most of them; "
                       "intercept.spread = \"ports\" spreads by ports, too (it needs nftables)");
}

}  // namespace finwait::machine
