// The half-closed flows that match a filter, for the page: of all of them those that have been idle longest,
// as many as a reader can take in. They are looked for a few at a time, and for a limited time only.
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

/// {"flows":[…],"complete":…,"matched":N,"all_seen":…}: the flows that have been idle longest, longest first,
/// each as `finwaitctl list --json` has it, and how many matched. Complete when these are all; "all_seen" is
/// false where the time was up before all flows had been looked at. The error is one of the filter, at its
/// column, or a shard that does not answer.
[[nodiscard]] boost::asio::awaitable<std::variant<std::string, control::Error>> list_half_closed(
    const control::Context& context, std::string filter, ListingLimits limits);

}  // namespace finwait::web
