// Policies: which timeouts are in force for which flow. The first match in their order wins; `default` is the
// last and matches everything.
#pragma once

#include "policy/filter.hpp"
#include "policy/timeouts.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::policy {

/// The name of the policy that matches what no other does; no other may bear it.
inline constexpr std::string_view kDefaultName = "default";

inline constexpr std::size_t kMaxPolicyName = 32;
/// 1 to 32 of A-Z a-z 0-9 _ . - so that a name is one word in a filter, a metric and a shell.
[[nodiscard]] bool is_policy_name(std::string_view text);

inline constexpr std::uint16_t kMaxPriority = 1000;

struct Policy {
    std::string name;
    Filter match;
    Timeouts timeouts;
    /// From 0 to kMaxPriority: a configuration's policies with a greater one come before those with a smaller
    /// one, whatever file they stand in.
    std::uint16_t priority = 0;

    friend bool operator==(const Policy&, const Policy&) = default;
};

class PolicySet {
  public:
    /// Only `default`, with its built-in timeouts.
    PolicySet();
    /// `named` in the order in which they are looked at, at most kMaxNamed; `fallback` becomes `default`.
    PolicySet(std::vector<Policy> named, Timeouts fallback);

    /// The index of the first policy that matches; `default` always does.
    [[nodiscard]] std::uint8_t match(const Subject& subject) const;
    [[nodiscard]] const Policy& operator[](std::uint8_t i) const { return policies_[i]; }
    [[nodiscard]] std::size_t size() const { return policies_.size(); }
    [[nodiscard]] auto begin() const { return policies_.begin(); }
    [[nodiscard]] auto end() const { return policies_.end(); }

    /// An index must fit the byte that a flow keeps it in.
    static constexpr std::size_t kMaxNamed = 200;

  private:
    std::vector<Policy> policies_;
};

}  // namespace finwait::policy
