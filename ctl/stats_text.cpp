#include "ctl/stats_text.hpp"

#include "ctl/text.hpp"

#include <array>
#include <fmt/format.h>
#include <string>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

struct Item {
    const char* key;
    const char* label;
};

constexpr std::array kFlows = {Item{"total", "tracked now"},
                               Item{"limit", "limit"},
                               Item{"half_closed", "half-closed now"},
                               Item{"fast_path", "on the fast path"},
                               Item{"opened", "opened"},
                               Item{"adopted", "adopted midway"},
                               Item{"evicted", "evicted to make room"},
                               Item{"became_half_closed", "became half-closed"},
                               Item{"expired", "half-closed too long"},
                               Item{"crowded", "one of too many of its source"},
                               Item{"shifted", "left alone: numbers changed"},
                               Item{"shared", "left alone: ends shared"}};
constexpr std::array kPackets = {Item{"seen", "seen"}, Item{"invalid", "invalid (forwarded)"},
                                 Item{"unparsed", "not readable (forwarded)"},
                                 Item{"untracked", "not tracked (table full)"},
                                 Item{"lost", "passed unseen"}};
constexpr std::array kProbes = {Item{"sent", "sent"}, Item{"unsent", "did not leave, sent again"},
                                Item{"delayed", "delayed by probes_per_second"},
                                Item{"unreachable", "answered by ICMP errors"}};
constexpr std::array kResets = {Item{"sent", "segments sent"},
                                Item{"unsent", "did not leave, sent again"},
                                Item{"confirmed", "flows: confirmed"},
                                Item{"unconfirmed", "flows: unconfirmed"},
                                Item{"refused", "flows: refused"},
                                Item{"delayed", "delayed by resets_per_second"},
                                Item{"held_back", "waiting: one source's part"},
                                Item{"observed", "only observed"}};
/// What passes while finwait-guard holds the queues open nobody counts: each opening of a queue stands as
/// one.
constexpr std::array kQueue = {
    Item{"dropped", "passed unseen, as counted"}, Item{"kernel_dropped", "of these: queue full"},
    Item{"user_dropped", "of these: socket buffer full"}, Item{"errors", "messages not understood"},
    Item{"openings", "times opened by finwait-guard"}};
constexpr std::array kWire = {
    Item{"translated", "sent by NAT's addresses"},         Item{"no_entry", "sent, unknown to conntrack"},
    Item{"not_sent", "not sent, addresses unknown"},       Item{"refused", "refused by the kernel"},
    Item{"queue_full", "dropped by this machine's queue"}, Item{"ended", "own sockets ended by the kernel"}};

constexpr std::array kLeftAlone = {Item{"bridged", "bridged"}, Item{"vrf", "in a VRF"},
                                   Item{"rule", "routed by interface or ports"}};

void number_line(Output& out, std::string_view label, const std::string& value) {
    out.write(fmt::format("  {:<32}{:>12}\n", label, value));
}

constexpr std::array kRules = {Item{"missing", "lines missing or changed"},
                               Item{"restored", "times put back"}};
constexpr std::array kEvents = {Item{"lost", "lost, too many at a time"}};
constexpr std::array kMemory = {Item{"refused", "left out, no memory"}};
constexpr std::array kAudit = {Item{"lost", "events missing in it"}};

template<std::size_t N>
void group(Output& out, const nlohmann::json& stats, const char* key, std::string_view title,
           const std::array<Item, N>& items) {
    const nlohmann::json values = stats.value(key, nlohmann::json::object());
    out.write(fmt::format("\n{}\n", title));
    for (const Item& item : items)
        number_line(out, item.label, text_at(values, item.key));
}

/// States in which no side is are left out.
void states(Output& out, const nlohmann::json& stats) {
    const nlohmann::json flows = stats.value("flows", nlohmann::json::object());
    const nlohmann::json by_state = flows.value("by_state", nlohmann::json::object());
    out.write("\nsides by state\n");
    bool any = false;
    for (const auto& [state, sides] : by_state.items()) {
        if (sides == 0) continue;
        any = true;
        number_line(out, state, sides.dump());
    }
    if (!any) number_line(out, "none", "-");
}

}  // namespace

void print_stats(const nlohmann::json& stats, Output& out) {
    out.write(fmt::format("finwaitd {}, up {}, mode {}, shards {}\n", text_at(stats, "version"),
                          duration_at(stats, "uptime_s"), text_at(stats, "mode"), text_at(stats, "shards")));
    for (const nlohmann::json& name : stats.value("policies_stopped", nlohmann::json::array()))
        out.write(fmt::format("policy {} is STOPPED by its breaker; see finwaitctl policy\n",
                              name.is_string() ? name.get<std::string>() : name.dump()));
    if (stats.value("rules", nlohmann::json::object()).value("missing", 0) > 0)
        out.write("firewall rules are MISSING: connections pass unseen; see the log, and finwaitctl rules\n");
    group(out, stats, "flows", "flows", kFlows);
    states(out, stats);
    group(out, stats, "packets", "packets", kPackets);
    group(out, stats, "probes", "probes", kProbes);
    group(out, stats, "resets", "resets", kResets);
    group(out, stats, "queue", "queue", kQueue);
    group(out, stats, "rules", "firewall rules", kRules);
    group(out, stats, "events", "events", kEvents);
    group(out, stats, "memory", "memory", kMemory);
    group(out, stats, "audit", "audit file", kAudit);
    group(out, stats, "left_alone", "packets left alone (forwarded)", kLeftAlone);
    group(out, stats, "wire", "probes and resets on the wire", kWire);
}

}  // namespace finwait::ctl
