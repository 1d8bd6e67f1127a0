// One client that speaks HTTP/1: reads its requests, has the site answer them, and cuts off who sends
// nonsense or too much of it, takes too long to ask, or does not read. The only file here that knows
// Boost.Beast.
#pragma once

#include "web/site.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <boost/asio/generic/stream_protocol.hpp>

namespace finwait::web {

struct HttpLimits {
    std::size_t connections = 64;
    std::uint32_t header_bytes = 8192;
    std::chrono::milliseconds idle_timeout = std::chrono::seconds(90);  // between requests
    std::chrono::milliseconds header_timeout =
        std::chrono::seconds(10);  // from a request's first byte to its last
    std::chrono::milliseconds write_timeout =
        std::chrono::seconds(10);  // until all of an answer has been taken
};

class Connection {
  public:
    using Socket = boost::asio::generic::stream_protocol::socket;

    Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    virtual ~Connection() = default;

    /// Nobody waits for anything of ours: a request has not come, or not all of it.
    [[nodiscard]] virtual bool idle() const = 0;
    virtual void close() = 0;

    /// Serves the client until it goes or is cut off; the connection lives as long.
    [[nodiscard]] static std::shared_ptr<Connection> start(Socket socket, std::shared_ptr<Site> site,
                                                           const HttpLimits& limits);
};

}  // namespace finwait::web
