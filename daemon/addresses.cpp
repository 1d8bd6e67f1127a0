// What probes and resets need to carry the addresses that each side knows.
#include "daemon.hpp"
#include "netfilter/conntrack.hpp"

#include <array>

namespace finwait::daemon {

namespace {

/// Of packets that conntrack is to track.
constexpr std::uint32_t kNoMark = 0;

}  // namespace

/// Segments of ours may pass conntrack by only if we can write what NAT would have written.
void Daemon::try_conntrack() {
    const tcp::Endpoint nobody{tcp::Address::v4(std::array<std::uint8_t, 4>{}), 0};
    auto conntrack = netfilter::Conntrack::open();
    const auto* problem = std::get_if<netfilter::ConntrackError>(&conntrack);
    std::variant<std::optional<netfilter::Translation>, netfilter::ConntrackError> answer;
    if (problem == nullptr) {
        answer = std::get<netfilter::Conntrack>(conntrack).find(nobody, nobody);
        problem = std::get_if<netfilter::ConntrackError>(&answer);
    }
    asks_conntrack_ = problem == nullptr;
    if (problem != nullptr)
        logger_->warn(
            "{}; flows behind NAT are asked and reset by the addresses of the forward hook, which their ends "
            "may not know",
            problem->message);
}

bool Daemon::translate_addresses() {
    if (!rules_->untracked()) return true;
    for (const auto& shard : shards_) {
        auto conntrack = netfilter::Conntrack::open();
        auto tracked = inject::Injector::open(kNoMark);
        const auto* unasked = std::get_if<netfilter::ConntrackError>(&conntrack);
        const auto* unsent = std::get_if<inject::InjectError>(&tracked);
        if (unasked != nullptr || unsent != nullptr) {
            logger_->error("{}", unasked != nullptr ? unasked->message : unsent->message);
            return false;
        }
        shard->translate(std::get<netfilter::Conntrack>(std::move(conntrack)),
                         std::get<inject::Injector>(std::move(tracked)),
                         [this](const std::string& problem) { logger_->warn("{}", problem); });
    }
    return true;
}

control::WireStats Daemon::wire_stats() const {
    control::WireStats stats;
    for (const auto& shard : shards_) {
        const shard::WireCounts& counts = shard->sent();
        stats.translated += counts.translated.load(std::memory_order_relaxed);
        stats.no_entry += counts.no_entry.load(std::memory_order_relaxed);
        stats.not_sent += counts.not_sent.load(std::memory_order_relaxed);
        stats.refused += counts.refused.load(std::memory_order_relaxed);
    }
    return stats;
}

}  // namespace finwait::daemon
