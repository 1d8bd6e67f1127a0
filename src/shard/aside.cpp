#include "shard/aside.hpp"

#include <algorithm>

namespace finwait::shard {
namespace {

bool either_in(const std::vector<std::uint32_t>& interfaces, const netfilter::QueuedPacket& packet) {
    return std::ranges::binary_search(interfaces, packet.in) ||
           std::ranges::binary_search(interfaces, packet.out);
}

}  // namespace

Reason Aside::reason(const netfilter::QueuedPacket& packet, const tcp::Segment* segment) const {
    if (packet.bridged) return Reason::bridged;
    if (detours_.empty()) return Reason::none;
    if (either_in(detours_.vrf, packet)) return Reason::vrf;
    // A rule is about one direction, and the other one is of the same connection.
    if (either_in(detours_.ruled, packet)) return Reason::rule;
    if (segment == nullptr) return Reason::none;
    for (const auto& [from, to] : detours_.ports)
        for (const std::uint16_t port : {segment->source.port, segment->destination.port})
            if (from <= port && port <= to) return Reason::rule;
    return Reason::none;
}

Reason Aside::check(const netfilter::QueuedPacket& packet, const tcp::Segment* segment) {
    const Reason found = reason(packet, segment);
    if (found == Reason::none) return found;
    const bool first = counts_[static_cast<std::size_t>(found)].fetch_add(1, std::memory_order_relaxed) == 0;
    if (first && tell_) tell_(found);
    return found;
}

std::string_view explanation(Reason reason) {
    switch (reason) {
        case Reason::none: break;
        case Reason::bridged:
            return "bridged connections are forwarded and left alone: what finwaitd sends is routed, not "
                   "bridged. "
                   "To keep them from being queued: sysctl -w net.bridge.bridge-nf-call-iptables=0 "
                   "net.bridge.bridge-nf-call-ip6tables=0, unless other rules need them";
        case Reason::vrf:
            return "connections in VRFs are forwarded and left alone: finwaitd cannot tell those of one VRF "
                   "from "
                   "those of another, nor send into one. To keep them from being queued: return before the "
                   "jump to "
                   "FINWAITD for the VRF's interfaces";
        case Reason::rule:
            return "connections that are routed by the interface by which they come, by their ports or by "
                   "their type "
                   "of service (ip rule iif, sport, dport, ipproto, tos) are forwarded and left alone: what "
                   "finwaitd "
                   "sends would take another way. Choose by source (ip rule from) or by mark (ip rule "
                   "fwmark) instead";
    }
    return {};
}

}  // namespace finwait::shard
