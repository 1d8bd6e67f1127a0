// The answer to `stats`: what all shards and the shell around them have counted.
#include "control/encode.hpp"

#include <fmt/format.h>
#include <iterator>
#include <span>

#include <nlohmann/json.hpp>

namespace finwait::control {
namespace {

std::string quoted_text(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Sides in each state, clients and servers together.
std::string by_state(const engine::Gauges& gauges) {
    std::string out = "{";
    for (std::size_t state = 0; state < tcp::kStateCount; ++state) {
        fmt::format_to(std::back_inserter(out), R"({}"{}":{})", state == 0 ? "" : ",",
                       tcp::kStateNames[state], gauges.sides[0][state] + gauges.sides[1][state]);
    }
    return out + "}";
}

/// Each bucket holds what is more than the bound before it; the last one has no bound.
std::string buckets_json(std::span<const Duration> bounds, std::span<const std::uint64_t> counts) {
    std::string out = "[";
    for (std::size_t i = 0; i < counts.size(); ++i) {
        const std::string bound = i < bounds.size() ? fmt::to_string(in_seconds(bounds[i])) : "null";
        fmt::format_to(std::back_inserter(out), R"({}{{"up_to_s":{},"count":{}}})", i == 0 ? "" : ",", bound,
                       counts[i]);
    }
    return out + "]";
}

std::string answers_json(const engine::Counters& counters) {
    std::string out = "{";
    for (std::size_t i = 0; i < engine::kAnswerCount; ++i)
        fmt::format_to(std::back_inserter(out), R"({}"{}":{})", i == 0 ? "" : ",", engine::kAnswerNames[i],
                       counters.answers[i]);
    return out + "}";
}

std::string per_shard_json(const std::vector<ShardShare>& shards) {
    std::string out = "[";
    for (const ShardShare& shard : shards)
        fmt::format_to(std::back_inserter(out), R"({}{{"packets":{},"flows":{},"cpu_s":{:.3f}}})",
                       out.size() == 1 ? "" : ",", shard.packets, shard.flows, in_seconds(shard.cpu));
    return out + "]";
}

}  // namespace

std::string stats_json(const Totals& totals) {
    const engine::Counters& count = totals.counters;
    const engine::Gauges& now = totals.gauges;
    std::string out = fmt::format(
        R"({{"flows":{{"total":{},"limit":{},"half_closed":{},"fast_path":{},"opened":{},"adopted":{},"evicted":{},)"
        R"("became_half_closed":{},"expired":{},"crowded":{},"shifted":{},"shared":{},"by_state":{},)"
        R"("half_closed_by":{{"client":{},"server":{}}},"half_closed_ages":{}}})",
        now.flows, now.limit, now.half_closed, now.fast_path, count.flows_opened, count.flows_adopted,
        count.flows_evicted, count.half_closed, count.expired, count.crowded, count.shifted, count.shared,
        by_state(now), now.half_closed_by[0], now.half_closed_by[1],
        buckets_json(policy::kLastingBounds, totals.half_closed_ages.buckets()));
    fmt::format_to(std::back_inserter(out),
                   R"(,"packets":{{"seen":{},"invalid":{},"unparsed":{},"untracked":{},"lost":{},)"
                   R"("verdicts":{{"accept":{},"release":{},"drop":{}}}}})",
                   count.packets_seen, count.packets_invalid, count.packets_unparsed, count.packets_untracked,
                   count.packets_lost, totals.load.accepted, totals.load.released, totals.load.dropped);
    fmt::format_to(std::back_inserter(out),
                   R"(,"probes":{{"sent":{},"unsent":{},"delayed":{},"unreachable":{},"answers":{}}})",
                   count.probes_sent, count.probes_unsent, count.probes_delayed, count.probes_unreachable,
                   answers_json(count));
    fmt::format_to(
        std::back_inserter(out),
        R"(,"resets":{{"sent":{},"unsent":{},"confirmed":{},"unconfirmed":{},"refused":{},"delayed":{},"held_back":{},"observed":{}}})",
        count.resets_sent, count.resets_unsent, count.resets_confirmed, count.resets_unconfirmed,
        count.resets_refused, count.resets_delayed, count.resets_held_back, count.observed);
    fmt::format_to(
        std::back_inserter(out),
        R"(,"queue":{{"dropped":{},"kernel_dropped":{},"user_dropped":{},"errors":{},"openings":{}}},"events":{{"lost":{}}},"audit":{{"lost":{}}},"shards":{},"mode":)",
        totals.dropped(), totals.queue.kernel_dropped, totals.queue.user_dropped, totals.queue.errors,
        totals.queue.openings, count.events_lost, totals.audit_lost, totals.shards);
    out += quoted_text(totals.mode);
    fmt::format_to(
        std::back_inserter(out),
        R"(,"wire":{{"translated":{},"no_entry":{},"not_sent":{},"refused":{},"queue_full":{},"ended":{}}})",
        totals.wire.translated, totals.wire.no_entry, totals.wire.not_sent, totals.wire.refused,
        totals.wire.queue_full, totals.wire.ended);
    fmt::format_to(std::back_inserter(out), R"(,"left_alone":{{"bridged":{},"vrf":{},"rule":{}}})",
                   totals.aside.bridged, totals.aside.vrf, totals.aside.rule);
    fmt::format_to(std::back_inserter(out), R"(,"rules":{{"missing":{},"restored":{}}})",
                   totals.rules.missing, totals.rules.restored);
    fmt::format_to(std::back_inserter(out), R"(,"latency":{{"sum_s":{},"buckets":{}}},"per_shard":{})",
                   in_seconds(totals.load.waited_sum), buckets_json(shard::Load::kBounds, totals.load.waited),
                   per_shard_json(totals.by_shard));
    fmt::format_to(std::back_inserter(out), R"(,"memory":{{"refused":{}}})",
                   count.memory_refused + totals.without_memory);
    out += R"(,"policies_stopped":)" + nlohmann::json(totals.stopped).dump();
    fmt::format_to(std::back_inserter(out), R"(,"uptime_s":{:.1f},"version":)", totals.uptime_s);
    out += quoted_text(totals.version);
    return out + "}";
}

}  // namespace finwait::control
