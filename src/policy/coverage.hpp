// Policies that no flow can ever get, because of what their match says, or what the matches before it say.
// What it finds is certain. It does not find everything: filters are compared predicate by predicate, and
// one with more alternatives than can be looked at is not judged.
#pragma once

#include "policy/policy.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace finwait::policy {

struct NeverInForce {
    std::size_t policy = 0;  // its place in the list
    /// Those before it that match every flow which it matches, in their order; empty when it matches none at
    /// all, for its match contradicts itself.
    std::vector<std::size_t> behind;
};

/// In the order of the policies.
[[nodiscard]] std::vector<NeverInForce> never_in_force(std::span<const Policy> policies);

}  // namespace finwait::policy
