#include "control/encode.hpp"

#include <nlohmann/json.hpp>

namespace finwait::control {
namespace {

using Json = nlohmann::ordered_json;

/// Seconds; null for what is off or not known.
Json seconds_or_null(std::optional<Duration> d) {
    if (!d || *d == policy::kOff) return nullptr;
    return in_seconds(*d);
}

/// Each bucket holds what is longer than the bound before it; the last one has no bound.
Json buckets(const policy::Lasting& lasting) {
    Json out = Json::array();
    for (std::size_t i = 0; i < policy::Lasting::kBuckets; ++i) {
        const bool bounded = i < policy::kLastingBounds.size();
        out.push_back({{"up_to_s", bounded ? seconds_or_null(policy::kLastingBounds[i]) : Json(nullptr)},
                       {"count", lasting.buckets()[i]}});
    }
    return out;
}

}  // namespace

std::string policy_json(const policy::Policy& policy, const engine::PolicyCounts& counts) {
    const Json out{
        {"name", policy.name},
        {"match", policy.match.text()},
        {"fin_wait_2_s", seconds_or_null(policy.timeouts.fin_wait_2)},
        {"on_expiry", policy::name(policy.timeouts.on_expiry)},
        {"stopped", counts.stopped},
        {"flows", counts.flows},
        {"half_closed", counts.half_closed},
        {"asked", counts.asked},
        {"expired", counts.expired},
        {"reset", counts.reset},
        {"confirmed", counts.confirmed},
        {"unconfirmed", counts.unconfirmed},
        {"refused", counts.refused},
        {"observed", counts.observed},
        {"right", counts.right},
        {"regret", counts.regret},
        {"undecided", counts.observed - counts.right - counts.regret},
        {"lasted", buckets(counts.lasted)},
        {"longest_idle", buckets(counts.longest_idle)},
        {"suggested_fin_wait_2_s", seconds_or_null(policy::suggested_fin_wait_2(counts.longest_idle))}};
    return out.dump();
}

}  // namespace finwait::control
