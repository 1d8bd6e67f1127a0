// The command that speaks of policies: what each has done, and letting a stopped one go on.
#pragma once

#include "control/commands.hpp"

#include <boost/asio/awaitable.hpp>

namespace finwait::control {

/// Answers a `policy` request; otherwise as execute().
[[nodiscard]] boost::asio::awaitable<bool> execute_on_policies(const Context& context, const Request& request,
                                                               Writer& writer);

}  // namespace finwait::control
