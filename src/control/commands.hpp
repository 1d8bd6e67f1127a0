// What each command of the protocol does: asks the shards, batch after batch, and writes the answer's lines.
// The next batch is asked for only when the client has taken the last one.
#pragma once

#include "control/context.hpp"
#include "control/protocol.hpp"

#include <boost/asio/awaitable.hpp>

namespace finwait::control {

/// Where an answer goes.
class Writer {
  public:
    virtual ~Writer() = default;
    /// Writes it all; false when the client is gone or does not read.
    virtual boost::asio::awaitable<bool> write(const std::string& text) = 0;
    /// The client has hung up, or was cut off: nothing more needs to be found out for it.
    [[nodiscard]] virtual bool gone() const = 0;
    /// What to write, if that can be done at once, when the server stops between two writes; an empty line
    /// takes an earlier one back.
    virtual void at_stop(std::string line) = 0;
    /// Who asks.
    [[nodiscard]] virtual Requester requester() const = 0;
    /// The same without the user's name, at once.
    [[nodiscard]] virtual Requester credentials() const = 0;
};

/// Answers `request`; false when the client is gone. All three must outlive the coroutine.
[[nodiscard]] boost::asio::awaitable<bool> execute(const Context& context, const Request& request,
                                                   Writer& writer);

}  // namespace finwait::control
