#include "control/server.hpp"

#include "control/connection.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace finwait::control {

namespace asio = boost::asio;
using boost::system::error_code;

class Server::Impl : public std::enable_shared_from_this<Impl> {
  public:
    Impl(asio::io_context& io, SocketFile file, std::shared_ptr<Context> context)
        : file_(std::move(file)), context_(std::move(context)), acceptor_(io), pause_(io) {
        acceptor_.assign(asio::local::stream_protocol(), file_.release_descriptor());
    }

    void start() {
        asio::co_spawn(acceptor_.get_executor(), accept_all(),
                       [self = shared_from_this()](std::exception_ptr) {});
    }

    void stop() {
        file_.remove();
        error_code ignored;
        acceptor_.close(ignored);
        pause_.cancel();
        for (const auto& weak : connections_) {
            if (const auto connection = weak.lock()) connection->close();
        }
        // A connection may still wait for a shard, and find then that its client is gone.
        const std::string version = context_->hooks.version;
        context_->hooks = {};
        context_->hooks.version = version;
    }

  private:
    asio::awaitable<void> accept_all() {
        while (acceptor_.is_open()) {
            Connection::Socket socket(acceptor_.get_executor());
            error_code error;
            co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
            if (!error) {
                welcome(std::move(socket));
            } else if (acceptor_.is_open()) {
                // Out of descriptors or memory: the client waits in the backlog until some are free again.
                pause_.expires_after(std::chrono::milliseconds(100));
                co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, error));
            }
        }
    }

    void welcome(Connection::Socket socket) {
        const auto gone = [](const std::weak_ptr<Connection>& weak) { return weak.expired(); };
        connections_.erase(std::remove_if(connections_.begin(), connections_.end(), gone),
                           connections_.end());
        if (connections_.size() >= context_->options.max_connections) {
            turn_away(std::move(socket));
            return;
        }
        const auto connection = std::make_shared<Connection>(std::move(socket), context_);
        connections_.push_back(connection);
        Connection::start(connection);
    }

    /// One attempt, no waiting: an empty socket buffer takes the line.
    void turn_away(Connection::Socket socket) {
        const std::string line = error_line(
            {ErrorCode::busy,
             "there are " + std::to_string(connections_.size()) + " connections already; try again later",
             0});
        error_code ignored;
        socket.non_blocking(true, ignored);
        socket.write_some(asio::buffer(line), ignored);
    }

    SocketFile file_;
    std::shared_ptr<Context> context_;
    asio::local::stream_protocol::acceptor acceptor_;
    asio::steady_timer pause_;
    std::vector<std::weak_ptr<Connection>> connections_;
};

Server::Opened Server::open(asio::io_context& io, const Place& place, std::vector<shard::Handle> shards,
                            Hooks hooks, std::vector<std::string>& notes, Options options) {
    std::variant<SocketFile, std::string> opened = SocketFile::open(place.path, place.group, notes);
    if (auto* problem = std::get_if<std::string>(&opened)) return std::move(*problem);
    Access access(::geteuid(), place.admin_group);
    if (!place.admin_group.empty() && !access.has_group())
        notes.push_back(
            fmt::format("control.admin_group: there is no group \"{0}\", so only root may kill, reload and "
                        "resume; create it with: groupadd --system {0}",
                        place.admin_group));
    auto context =
        std::make_shared<Context>(Context{std::move(shards), std::move(hooks), options, std::move(access)});
    auto impl = std::make_shared<Impl>(io, std::get<SocketFile>(std::move(opened)), std::move(context));
    impl->start();
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() {
    stop();
}
void Server::stop() {
    impl_->stop();
}

}  // namespace finwait::control
