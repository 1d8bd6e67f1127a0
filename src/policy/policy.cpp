#include "policy/policy.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace finwait::policy {

bool is_policy_name(std::string_view text) {
    constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    return !text.empty() && text.size() <= kMaxPolicyName && text.find_first_not_of(kAllowed) == text.npos;
}

PolicySet::PolicySet() : PolicySet({}, Timeouts{}) {}

PolicySet::PolicySet(std::vector<Policy> named, Timeouts fallback) : policies_(std::move(named)) {
    if (policies_.size() > kMaxNamed) throw std::length_error("more policies than a flow can name");
    policies_.push_back({std::string(kDefaultName), Filter{}, fallback});
}

std::uint8_t PolicySet::match(const Subject& subject) const {
    const auto found = std::find_if(policies_.begin(), policies_.end() - 1,
                                    [&](const Policy& policy) { return policy.match.matches(subject); });
    return static_cast<std::uint8_t>(found - policies_.begin());
}

}  // namespace finwait::policy
