// The half-closed flows that match a filter, for the page: as many as a reader can take in, looked for a few
// at a time, and for a limited time only.
#pragma once

#include "control/context.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include <boost/asio/awaitable.hpp>

namespace finwait::web {

struct ListingLimits {
    std::size_t flows = 300;
    std::chrono::milliseconds time = std::chrono::seconds(3);
};

/// {"flows":[…],"complete":…}: each flow as `finwaitctl list --json` has it. Not complete where a limit has
/// ended the search. The error is one of the filter, at its column, or a shard that does not answer.
[[nodiscard]] boost::asio::awaitable<std::variant<std::string, control::Error>> list_half_closed(
    const control::Context& context, std::string filter, ListingLimits limits);

}  // namespace finwait::web
