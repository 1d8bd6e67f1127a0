// The commands that speak of flows: list, count, kill, show and explain.
#pragma once

#include "control/commands.hpp"

#include <boost/asio/awaitable.hpp>

namespace finwait::control {

/// Answers a request for one of these; otherwise as execute().
[[nodiscard]] boost::asio::awaitable<bool> execute_on_flows(const Context& context, const Request& request,
                                                            Writer& writer);

}  // namespace finwait::control
