#include "web/metrics.hpp"

#include "tcp/state.hpp"

#include <array>
#include <fmt/format.h>

namespace finwait::web {
namespace {

using control::PolicyRow;
using control::ShardShare;

template<auto Member>
void counter(const Facts& facts, Exposition& out) {
    out.sample(facts.totals.counters.*Member);
}

template<auto Member>
void gauge(const Facts& facts, Exposition& out) {
    out.sample(facts.totals.gauges.*Member);
}

template<auto Member>
void by_policy(const Facts& facts, Exposition& out) {
    for (const PolicyRow& row : facts.policies)
        out.sample(std::uint64_t{row.counts.*Member}, {{"policy", row.policy.name}});
}

/// By a policy's own word; the mode is told once for all.
void observing(const Facts& facts, Exposition& out) {
    for (const PolicyRow& row : facts.policies)
        out.sample(std::uint64_t{row.policy.timeouts.on_expiry == policy::OnExpiry::observe},
                   {{"policy", row.policy.name}});
}

template<auto Member>
void process(const Facts& facts, Exposition& out) {
    out.sample(facts.process.*Member);
}

void sides(const Facts& facts, Exposition& out) {
    for (const tcp::Role role : {tcp::Role::client, tcp::Role::server})
        for (std::size_t state = 0; state < tcp::kStateCount; ++state)
            out.sample(facts.totals.gauges.sides[tcp::index(role)][state],
                       {{"side", tcp::name(role)}, {"state", tcp::kStateNames[state]}});
}

void half_closed(const Facts& facts, Exposition& out) {
    for (const tcp::Role role : {tcp::Role::client, tcp::Role::server})
        out.sample(facts.totals.gauges.half_closed_by[tcp::index(role)], {{"closer", tcp::name(role)}});
}

void answers(const Facts& facts, Exposition& out) {
    for (std::size_t i = 0; i < engine::kAnswerCount; ++i)
        out.sample(facts.totals.counters.answers[i], {{"answer", engine::kAnswerNames[i]}});
}

void resets(const Facts& facts, Exposition& out) {
    for (const auto& [policy, counts] : facts.policies) {
        out.sample(counts.confirmed, {{"policy", policy.name}, {"outcome", "confirmed"}});
        out.sample(counts.unconfirmed, {{"policy", policy.name}, {"outcome", "unconfirmed"}});
        out.sample(counts.refused, {{"policy", policy.name}, {"outcome", "refused"}});
    }
}

void verdicts(const Facts& facts, Exposition& out) {
    out.sample(facts.totals.load.accepted, {{"verdict", "accept"}});
    out.sample(facts.totals.load.released, {{"verdict", "release"}});
    out.sample(facts.totals.load.dropped, {{"verdict", "drop"}});
}

void sent(const Facts& facts, Exposition& out) {
    const control::WireStats& wire = facts.totals.wire;
    out.sample(wire.translated, {{"result", "translated"}});
    out.sample(wire.no_entry, {{"result", "no_entry"}});
    out.sample(wire.not_sent, {{"result", "not_sent"}});
    out.sample(wire.refused, {{"result", "refused"}});
    out.sample(wire.queue_full, {{"result", "queue_full"}});
}

void left_alone(const Facts& facts, Exposition& out) {
    out.sample(facts.totals.aside.bridged, {{"reason", "bridged"}});
    out.sample(facts.totals.aside.vrf, {{"reason", "vrf"}});
    out.sample(facts.totals.aside.rule, {{"reason", "rule"}});
}

template<auto Read>
void by_shard(const Facts& facts, Exposition& out) {
    for (std::size_t i = 0; i < facts.totals.by_shard.size(); ++i)
        out.sample(Read(facts.totals.by_shard[i]), {{"shard", fmt::to_string(i)}});
}

double cpu_seconds(const ShardShare& shard) {
    return in_seconds(shard.cpu);
}

constexpr auto kGauge = Kind::gauge;
constexpr auto kCounter = Kind::counter;
using C = engine::Counters;
using G = engine::Gauges;
using P = engine::PolicyCounts;

constexpr std::string_view kPolicy = "`policy`";
constexpr std::string_view kShard = "`shard`, from 0 on";

// Flows.
const std::array kFlows = {
    Metric{{"finwaitd_flows", kGauge, "Connections that are tracked now."}, "", &gauge<&G::flows>},
    Metric{{"finwaitd_flows_limit", kGauge, "Connections that can be tracked at most (limits.flows)."},
           "",
           &gauge<&G::limit>},
    Metric{{"finwaitd_fast_path_flows", kGauge, "Connections that the kernel forwards alone at present."},
           "",
           &gauge<&G::fast_path>},
    Metric{{"finwaitd_sides", kGauge, "Sides of connections by their TCP state."},
           "`side` client, server; `state` as ss(8) spells them",
           &sides},
    Metric{{"finwaitd_half_closed_flows", kGauge, "Half-closed connections by the side that has closed."},
           "`closer` client, server",
           &half_closed},
    Metric{{"finwaitd_flows_opened", kCounter, "Connections that were followed from their SYN on."},
           "",
           &counter<&C::flows_opened>},
    Metric{{"finwaitd_flows_adopted", kCounter, "Connections that were taken over while they were open."},
           "",
           &counter<&C::flows_adopted>},
    Metric{{"finwaitd_flows_evicted", kCounter,
            "Finished connections and handshakes that made room for others."},
           "",
           &counter<&C::flows_evicted>},
    Metric{{"finwaitd_flows_crowded", kCounter, "Connections past limits.half_closed_per_source."},
           "",
           &counter<&C::crowded>},
    Metric{{"finwaitd_flows_shifted", kCounter,
            "Connections left alone because this machine changes their sequence numbers (SYNPROXY, NAT "
            "helpers)."},
           "",
           &counter<&C::shifted>},
    Metric{{"finwaitd_flows_shared", kCounter,
            "Connections left alone because another one has the same two ends before NAT."},
           "",
           &counter<&C::shared>},
};

// Policies, and what they did.
const std::array kPolicies = {
    Metric{{"finwaitd_policy_flows", kGauge, "Connections that a policy matches now."},
           kPolicy,
           &by_policy<&P::flows>},
    Metric{{"finwaitd_policy_stopped", kGauge, "Whether a policy has been stopped by its breaker."},
           kPolicy,
           &by_policy<&P::stopped>},
    Metric{{"finwaitd_policy_observes", kGauge,
            "Whether a policy has on_expiry = \"observe\": 1 where it is to end nothing, whatever the mode."},
           kPolicy,
           &observing},
    Metric{{"finwaitd_policy_half_closed", kCounter,
            "Times that a connection became half-closed under a policy."},
           kPolicy,
           &by_policy<&P::half_closed>},
    Metric{{"finwaitd_policy_expired", kCounter, "Half-closed connections whose time was up."},
           kPolicy,
           &by_policy<&P::expired>},
    Metric{{"finwaitd_policy_asked", kCounter, "Times that both sides of a connection were asked."},
           kPolicy,
           &by_policy<&P::asked>},
    Metric{{"finwaitd_policy_observed", kCounter,
            "Half-closed connections whose time was up while finwaitd only observed."},
           kPolicy,
           &by_policy<&P::observed>},
    Metric{{"finwaitd_policy_right", kCounter, "Of those observed: nothing of use came any more."},
           kPolicy,
           &by_policy<&P::right>},
    Metric{{"finwaitd_policy_regrets", kCounter,
            "Of those observed: the connection went on, or closed in good order."},
           kPolicy,
           &by_policy<&P::regret>},
    Metric{{"finwaitd_probes", kCounter, "Probes that were sent."}, "", &counter<&C::probes_sent>},
    Metric{{"finwaitd_probes_unsent", kCounter,
            "Probes that did not leave this machine and are sent again later: no attempts."},
           "",
           &counter<&C::probes_unsent>},
    Metric{
        {"finwaitd_probes_delayed", kCounter, "Times that limits.probes_per_second made a connection wait."},
        "",
        &counter<&C::probes_delayed>},
    Metric{{"finwaitd_probe_answers", kCounter, "Sides by what became of asking them."},
           "`answer` alive, orphan, gone, silent, unreachable; gone_after_reset and alive_after_reset for "
           "those asked "
           "after an RST",
           &answers},
    Metric{{"finwaitd_probes_unreachable", kCounter, "ICMP errors that answered a probe."},
           "",
           &counter<&C::probes_unreachable>},
    Metric{{"finwaitd_resets", kCounter, "Connections that were reset, by how it came out."},
           "`policy`; `outcome` confirmed, unconfirmed, refused",
           &resets},
    Metric{
        {"finwaitd_reset_segments", kCounter, "RST segments that were sent."}, "", &counter<&C::resets_sent>},
    Metric{{"finwaitd_reset_segments_unsent", kCounter,
            "RST segments that did not leave this machine and are sent again later."},
           "",
           &counter<&C::resets_unsent>},
    Metric{
        {"finwaitd_resets_delayed", kCounter, "Times that limits.resets_per_second made a connection wait."},
        "",
        &counter<&C::resets_delayed>},
    Metric{{"finwaitd_resets_held_back", kCounter,
            "Times that a connection waited because its source had its part of limits.breaker_share."},
           "",
           &counter<&C::resets_held_back>},
    Metric{{"finwaitd_segments", kCounter, "Our segments by what became of them on the way out."},
           "`result` translated, no_entry (unknown to conntrack), not_sent (addresses unknown), refused (by "
           "the kernel), queue_full (dropped by this machine's own qdisc or socket buffer)",
           &sent},
    Metric{
        {"finwaitd_sockets_ended", kCounter, "Sockets of this machine that its kernel ended at our request."},
        "",
        [](const Facts& facts, Exposition& out) { out.sample(facts.totals.wire.ended); }},
};

// Packets, and what they cost.
const std::array kPackets = {
    Metric{{"finwaitd_packets", kCounter, "Packets from the queues by verdict."},
           "`verdict` accept, release (accepted, and the rest goes the fast path), drop (answers to us)",
           &verdicts},
    Metric{{"finwaitd_packets_invalid", kCounter,
            "Segments out of window or contradictory: forwarded, not believed."},
           "",
           &counter<&C::packets_invalid>},
    Metric{{"finwaitd_packets_unparsed", kCounter, "Packets that could not be read as TCP: forwarded."},
           "",
           &counter<&C::packets_unparsed>},
    Metric{{"finwaitd_packets_untracked", kCounter,
            "Segments of connections for which there was no room: forwarded."},
           "",
           &counter<&C::packets_untracked>},
    Metric{{"finwaitd_packets_left_alone", kCounter,
            "Packets of connections that cannot be acted on: forwarded."},
           "`reason` bridged, vrf, rule (routed by interface or ports)",
           &left_alone},
    Metric{
        {"finwaitd_queue_dropped", kCounter,
         "Packets that passed unseen because a queue was full; each opening by finwait-guard counts as one."},
        "",
        [](const Facts& facts, Exposition& out) { out.sample(facts.totals.dropped()); }},
    Metric{{"finwaitd_queue_errors", kCounter, "Messages from the kernel that made no sense."},
           "",
           [](const Facts& facts, Exposition& out) { out.sample(facts.totals.queue.errors); }},
    Metric{{"finwaitd_queue_openings", kCounter,
            "How often packets were let pass because finwaitd gave no verdicts."},
           "",
           [](const Facts& facts, Exposition& out) { out.sample(facts.totals.queue.openings); }},
    Metric{
        {"finwaitd_verdict_latency_seconds", Kind::histogram, "From the receipt of a packet to its verdict."},
        "",
        [](const Facts& facts, Exposition& out) {
            const shard::Load& load = facts.totals.load;
            out.histogram(shard::Load::kBounds, load.waited, load.waited_sum);
        }},
    Metric{{"finwaitd_shard_packets", kCounter, "Segments that a shard has seen."},
           kShard,
           &by_shard<[](const ShardShare& s) { return s.packets; }>},
    Metric{{"finwaitd_shard_flows", kGauge, "Connections that a shard tracks now."},
           kShard,
           &by_shard<[](const ShardShare& s) { return s.flows; }>},
    Metric{{"finwaitd_shard_cpu_seconds", kCounter, "Processor time that a shard's thread has used."},
           kShard,
           &by_shard<&cpu_seconds>},
};

// The daemon itself.
const std::array kDaemon = {
    Metric{{"finwaitd_build", Kind::info, "The version that runs."},
           "`version`",
           [](const Facts& facts, Exposition& out) {
               out.sample(std::uint64_t{1}, {{"version", facts.totals.version}});
           }},
    Metric{{"finwaitd_enforcing", kGauge, "1 in mode enforce, 0 in mode observe."},
           "",
           [](const Facts& facts, Exposition& out) {
               out.sample(std::uint64_t{facts.totals.mode == "enforce" ? 1U : 0U});
           }},
    Metric{{"finwaitd_rules_missing", kGauge,
            "Lines of the firewall rules that others have taken away or changed: connections pass unseen."},
           "",
           [](const Facts& facts, Exposition& out) { out.sample(facts.totals.rules.missing); }},
    Metric{{"finwaitd_rules_restored", kCounter, "Times that firewall rules were put back."},
           "",
           [](const Facts& facts, Exposition& out) { out.sample(facts.totals.rules.restored); }},
    Metric{{"finwaitd_events_lost", kCounter, "Events that nobody was told of: too many at a time."},
           "",
           &counter<&C::events_lost>},
    Metric{{"finwaitd_memory_refused", kCounter,
            "Times that something was left out because there was no memory for it."},
           "",
           [](const Facts& facts, Exposition& out) {
               out.sample(facts.totals.counters.memory_refused + facts.totals.without_memory);
           }},
    Metric{{"finwaitd_audit_lost", kCounter, "Events that are missing in the audit file."},
           "",
           [](const Facts& facts, Exposition& out) { out.sample(facts.totals.audit_lost); }},
    Metric{{"process_cpu_seconds", kCounter, "Processor time used, all threads."},
           "",
           &process<&Process::cpu_seconds>},
    Metric{{"process_start_time_seconds", kGauge, "When the process started, since 1970."},
           "",
           &process<&Process::start_time_seconds>},
    Metric{
        {"process_resident_memory_bytes", kGauge, "Memory in use."}, "", &process<&Process::resident_bytes>},
    Metric{{"process_virtual_memory_bytes", kGauge, "Address space in use."},
           "",
           &process<&Process::virtual_bytes>},
    Metric{{"process_open_fds", kGauge, "Open file descriptors."}, "", &process<&Process::open_fds>},
    Metric{{"process_max_fds", kGauge, "File descriptors that may be open at most."},
           "",
           &process<&Process::max_fds>},
    Metric{{"process_threads", kGauge, "Threads."}, "", &process<&Process::threads>},
};

std::vector<Metric> joined() {
    std::vector<Metric> all;
    const auto append = [&all](std::span<const Metric> part) {
        all.insert(all.end(), part.begin(), part.end());
    };
    append(kFlows);
    append(kPolicies);
    append(kPackets);
    append(kDaemon);
    return all;
}

}  // namespace

std::span<const Metric> metrics() {
    static const std::vector<Metric> kAll = joined();
    return kAll;
}

std::string expose(const Facts& facts, Format format) {
    Exposition out(format);
    for (const Metric& metric : metrics()) {
        out.begin(metric.family);
        metric.fill(facts, out);
    }
    return out.finish();
}

}  // namespace finwait::web
