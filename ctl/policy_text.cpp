#include "ctl/policy_text.hpp"

#include "ctl/text.hpp"

#include <cmath>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

using nlohmann::json;

std::uint64_t number(const json& object, const char* key) {
    return object.value(key, std::uint64_t{0});
}

std::uint64_t total(const json& buckets) {
    std::uint64_t sum = 0;
    for (const json& bucket : buckets)
        sum += number(bucket, "count");
    return sum;
}

/// "up to 30s", or "more than 4h" where no bound holds `share` of all.
std::string within(const json& buckets, double share) {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(static_cast<double>(total(buckets)) * share));
    std::uint64_t below = 0;
    std::string last = "-";
    for (const json& bucket : buckets) {
        if (bucket.value("up_to_s", json()).is_null()) break;
        below += number(bucket, "count");
        last = duration_at(bucket, "up_to_s");
        if (below >= wanted) return "up to " + last;
    }
    return "more than " + last;
}

/// A policy that probes resets nothing by the timer alone.
std::string evidence_first(const json& policy) {
    if (text_at(policy, "on_expiry") == "reset") return {};
    const char* const whether = text_at(policy, "on_expiry") == "probe" ? "" : "with on_expiry = \"probe\" ";
    return fmt::format("; {}finwaitd would have asked both sides first, and reset only on evidence", whether);
}

std::string outcome(const json& policy, const std::string& name) {
    return fmt::format(
        "{}: time was up {}: a reset would have been right {}, {} it would have hit a connection that went "
        "on, "
        "{} not known (still open, or ended by finwaitd){}\n",
        name, times(number(policy, "observed")), times(number(policy, "right")),
        times(number(policy, "regret")), number(policy, "undecided"), evidence_first(policy));
}

std::string lasting(const json& policy, const std::string& name) {
    const json lasted = policy.value("lasted", json::array());
    const json idle = policy.value("longest_idle", json::array());
    if (total(lasted) == 0) return {};
    const bool one = total(lasted) == 1;
    std::string text = fmt::format(
        "{}: {} half-close{} came to a good end; {} lasted {} (half of them), {} (99 %); idle {} (99 %)",
        name, total(lasted), one ? "" : "s", one ? "it" : "they", within(lasted, 0.5), within(lasted, 0.99),
        within(idle, 0.99));
    const std::string suggested = duration_at(policy, "suggested_fin_wait_2_s");
    if (suggested != "-")
        text +=
            fmt::format("; fin_wait_2 = \"{}\" would have let all but one in a thousand finish", suggested);
    return text + "\n";
}

}  // namespace

std::vector<Column> policy_columns() {
    return {{"POLICY"},          {"MATCH", 1, false, 20}, {"FIN-WAIT-2"},
            {"ON EXPIRY", 2},    {"FLOWS", 0, true},      {"HALF-CLOSED", 3, true},
            {"ASKED", 0, true},  {"ENDED", 0, true},      {"WOULD END", 4, true},
            {"REGRETS", 5, true}};
}

Row policy_row(const json& policy) {
    const std::string timeout = duration_at(policy, "fin_wait_2_s");
    return {text_at(policy, "name"),      text_at(policy, "match"), timeout == "-" ? "off" : timeout,
            text_at(policy, "on_expiry"), text_at(policy, "flows"), text_at(policy, "half_closed"),
            text_at(policy, "asked"),     text_at(policy, "reset"), text_at(policy, "observed"),
            text_at(policy, "regret")};
}

std::string mode_line(std::string_view mode) {
    if (mode.empty()) return {};
    return fmt::format(
        "mode = \"{}\"{}\n", mode,
        mode == "observe" ? ": finwaitd asks and ends nobody by itself, whatever ON EXPIRY says" : "");
}

std::string policy_notes(const json& policy) {
    const std::string name = text_at(policy, "name");
    std::string text;
    if (policy.value("stopped", false))
        text += fmt::format(
            "{}: STOPPED: without proof it would have ended more than limits.breaker_share of the "
            "connections "
            "within a minute; until \"finwaitctl policy --resume {}\" it ends only what a side proves to be "
            "over\n",
            name, name);
    if (number(policy, "observed") > 0) text += outcome(policy, name);
    return text + lasting(policy, name);
}

}  // namespace finwait::ctl
