#include "link.hpp"

namespace finwait::sim {

namespace {

/// A packet that waits for another to overtake it waits no longer than this.
constexpr Duration kPatience = std::chrono::milliseconds(300);

}  // namespace

Link::Link(std::uint8_t hop, Duration latency, const std::vector<Fault>& faults) : latency_(latency) {
    for (const Fault& f : faults)
        if (f.hop == hop) faults_.push_back(f);
}

bool Link::send(Instant now, const Packet& packet, std::vector<Delivery>& out) {
    const std::uint16_t nth = sent_++;
    Instant at = now + latency_;
    bool lost = false;
    bool swapped = false;
    for (const Fault& f : faults_) {
        if (f.nth != nth) continue;
        if (f.kind == FaultKind::lose) lost = true;
        if (f.kind == FaultKind::delay) at = at + f.amount;
        if (f.kind == FaultKind::swap) swapped = true;
        if (f.kind == FaultKind::duplicate) out.push_back({at + f.amount, packet});
    }
    if (lost) return !out.empty();
    if (swapped && !held_) {
        held_ = packet;
        held_until_ = at + kPatience;
        return true;
    }
    out.push_back({at, packet});
    if (!held_) return true;
    out.push_back({at, *held_});
    held_.reset();
    held_until_ = Instant::never();
    return true;
}

void Link::on_timer(Instant now, std::vector<Delivery>& out) {
    if (!held_ || now < held_until_) return;
    out.push_back({now, *held_});
    held_.reset();
    held_until_ = Instant::never();
}

}  // namespace finwait::sim
