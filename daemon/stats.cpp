// What the shell counts: the kernel's queues, and the segments that were to be sent.
#include "daemon.hpp"
#include "netfilter/queue.hpp"
#include "netfilter/queue_status.hpp"

namespace finwait::daemon {

control::QueueStats Daemon::queue_stats() const {
    control::QueueStats stats;
    for (std::uint16_t i = 0; i < queues_; ++i) {
        const auto number = static_cast<std::uint16_t>(settings_.intercept.first_queue + i);
        const netfilter::KernelDrops drops = netfilter::kernel_drops(number);
        stats.kernel_dropped += drops.queue_dropped;
        stats.user_dropped += drops.user_dropped;
        stats.errors += shards_[i]->queue_errors();
        stats.openings += shards_[i]->queue_openings();
    }
    stats.dropped = stats.kernel_dropped + stats.user_dropped;
    return stats;
}

control::WireStats Daemon::wire_stats() const {
    control::WireStats stats;
    for (const auto& shard : shards_) {
        const shard::EgressCounts& counts = shard->sent();
        stats.translated += counts.translated.load(std::memory_order_relaxed);
        stats.no_entry += counts.no_entry.load(std::memory_order_relaxed);
        stats.not_sent += counts.not_sent.load(std::memory_order_relaxed);
        stats.refused += counts.refused.load(std::memory_order_relaxed);
        stats.queue_full += counts.queue_full.load(std::memory_order_relaxed);
        stats.ended += counts.ended.load(std::memory_order_relaxed);
    }
    return stats;
}

control::AsideStats Daemon::aside_stats() const {
    control::AsideStats stats;
    for (const auto& shard : shards_) {
        stats.bridged += shard->aside().count(shard::Reason::bridged);
        stats.vrf += shard->aside().count(shard::Reason::vrf);
        stats.rule += shard->aside().count(shard::Reason::rule);
    }
    return stats;
}

void Daemon::watch_balance() {
    balance_due_.expires_after(machine::Balance::kInterval);
    balance_due_.async_wait([this](const boost::system::error_code& stopped) {
        if (!stopped) watch_balance();
    });
    std::vector<std::uint32_t> packets;
    for (std::uint16_t i = 0; i < queues_; ++i) {
        const auto number = static_cast<std::uint16_t>(settings_.intercept.first_queue + i);
        const auto status = netfilter::queue_status(number);
        packets.push_back(status ? static_cast<std::uint32_t>(status->last_id) : 0);
    }
    const auto told = balance_.look(packets, settings_.intercept.first_queue,
                                    settings_.intercept.spread == config::Spread::ports);
    if (told) logger_->warn("{}", *told);
}

}  // namespace finwait::daemon
