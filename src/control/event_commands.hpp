// The command "events": what has happened lately and, to who follows, what goes on happening. Events are read
// from the threads that have them in small pieces, at the speed at which the client reads; what is written
// over meanwhile is told as a number.
#pragma once

#include "control/commands.hpp"

#include <boost/asio/awaitable.hpp>

namespace finwait::control {

[[nodiscard]] boost::asio::awaitable<bool> execute_on_events(const Context& context, const Request& request,
                                                             Writer& writer);

}  // namespace finwait::control
