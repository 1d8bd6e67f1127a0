// Adds up what the shards say of themselves: for `stats` and `policy`, and for whoever else shows the same
// numbers. Each shard is asked once, and what it is asked costs it no more than a burst of packets.
#pragma once

#include "control/context.hpp"
#include "control/encode.hpp"
#include "control/protocol.hpp"

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace finwait::control {

struct PolicyRow {
    policy::Policy policy;
    engine::PolicyCounts counts;
};
using PolicyRows = std::vector<PolicyRow>;  // in the order in which they are looked at

struct PolicyAnswer {
    PolicyRows rows;
    bool resumed = false;  // the policy that was to go on had been stopped
};

[[nodiscard]] Error silent_shard(std::size_t shard);

/// The error is that a shard does not answer.
[[nodiscard]] boost::asio::awaitable<std::variant<Totals, Error>> gather_totals(const Context& context);

/// With a `resume` the policy of that name goes on, should its breaker have stopped it; not to find it is an
/// error too.
[[nodiscard]] boost::asio::awaitable<std::variant<PolicyAnswer, Error>> gather_policies(
    const Context& context, std::string resume);

}  // namespace finwait::control
