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

std::string outcome(const json& policy, const std::string& name) {
    return fmt::format(
        "{}: {} resets observed: {} would have been right, {} would have hit a connection that went on, {} "
        "not known (still open, or ended by finwaitd)\n",
        name, number(policy, "observed"), number(policy, "right"), number(policy, "regret"),
        number(policy, "undecided"));
}

std::string lasting(const json& policy, const std::string& name) {
    const json lasted = policy.value("lasted", json::array());
    const json idle = policy.value("longest_idle", json::array());
    if (total(lasted) == 0) return {};
    std::string text = fmt::format(
        "{}: {} half-closes came to a good end; they lasted {} (half of them), {} (99 %); idle {} (99 %)",
        name, total(lasted), within(lasted, 0.5), within(lasted, 0.99), within(idle, 0.99));
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

std::string policy_notes(const json& policy) {
    const std::string name = text_at(policy, "name");
    std::string text;
    if (policy.value("stopped", false))
        text += fmt::format(
            "{}: STOPPED: it would have ended more than limits.breaker_share of the connections within a "
            "minute; "
            "\"finwaitctl policy --resume {}\" lets it go on\n",
            name, name);
    if (number(policy, "observed") > 0) text += outcome(policy, name);
    return text + lasting(policy, name);
}

}  // namespace finwait::ctl
