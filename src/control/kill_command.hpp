// The command that asks for the end of flows.
#pragma once

#include "control/commands.hpp"
#include "control/selection.hpp"

#include <boost/asio/awaitable.hpp>

namespace finwait::control {

/// Asks the engines to end the selected flows and answers what each said; false when the client is gone.
[[nodiscard]] boost::asio::awaitable<bool> kill(const Context& context, const Selection& selection,
                                                Writer& writer);

}  // namespace finwait::control
