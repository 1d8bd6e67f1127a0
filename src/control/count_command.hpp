// The command that counts flows, all of them or those of each kind.
#pragma once

#include "control/commands.hpp"
#include "control/selection.hpp"

#include <string>

#include <boost/asio/awaitable.hpp>

namespace finwait::control {

/// `by` is a word of kGroupings, or empty; it must outlive the answer. False when the client is gone.
[[nodiscard]] boost::asio::awaitable<bool> count(const Context& context, const Selection& selection,
                                                 const std::string& by, Writer& writer);

}  // namespace finwait::control
