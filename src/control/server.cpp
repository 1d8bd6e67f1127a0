#include "control/server.hpp"

#include "control/acceptor.hpp"
#include "control/connection.hpp"
#include "control/places.hpp"

#include <unistd.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace finwait::control {

namespace asio = boost::asio;
using boost::system::error_code;

class Server::Impl : public std::enable_shared_from_this<Impl> {
  public:
    Impl(asio::io_context& io, SocketFile file, std::string group, std::shared_ptr<Context> context)
        : file_(std::move(file)),
          group_(std::move(group)),
          context_(std::move(context)),
          acceptor_(io, asio::local::stream_protocol(), file_.release_descriptor()) {}

    void start() {
        asio::co_spawn(acceptor_.executor(),
                       acceptor_.run([this](Connection::Socket socket) { welcome(std::move(socket)); }),
                       [self = shared_from_this()](std::exception_ptr) {});
    }

    void look_up_groups(std::vector<std::string>& notes) {
        if (!group_.empty()) file_.give_to(group_, notes);
        context_->access.look_up_group();
        context_->access.note_missing_group(notes);
    }

    void stop() {
        file_.remove();
        acceptor_.close();
        for (const Taken& place : connections_) {
            if (const auto connection = place.connection.lock()) connection->stop();
        }
        context_->forget();
    }

  private:
    void welcome(Connection::Socket socket) {
        const Guest guest = guest_at(socket);
        if (const auto refusal = make_place(guest)) return turn_away(std::move(socket), *refusal);
        const auto connection = std::make_shared<Connection>(std::move(socket), context_);
        connections_.push_back({connection, guest});
        Connection::start(connection);
    }

    /// Why there is no place, even when an idle connection gives way; empty when there is one.
    std::optional<std::string> make_place(const Guest& guest) {
        std::erase_if(connections_, [](const Taken& place) { return place.connection.expired(); });
        std::vector<Guest> present;
        for (const Taken& place : connections_) {
            present.push_back(place.guest);
            if (const auto connection = place.connection.lock()) present.back().idle = connection->idle();
        }
        const Options& limits = context_->options;
        const Places places(limits.max_connections, limits.reserved_connections, limits.user_connections,
                            limits.idle_patience);
        auto refusal = places.refusal(guest, present);
        if (!refusal) return std::nullopt;
        const auto idle = places.gives_way(guest, present);
        if (!idle) return refusal;
        const auto taken = connections_.begin() + static_cast<std::ptrdiff_t>(*idle);
        if (const auto connection = taken->connection.lock()) connection->give_way();
        connections_.erase(taken);
        return std::nullopt;
    }

    [[nodiscard]] Guest guest_at(Connection::Socket& socket) const {
        const Requester who = credentials_of(socket.native_handle());
        return {
            static_cast<uid_t>(who.uid), context_->access.may_change(who), !context_->access.owns(who), {}};
    }

    /// One attempt, no waiting: an empty socket buffer takes the line.
    static void turn_away(Connection::Socket socket, const std::string& refusal) {
        const std::string line = error_line({ErrorCode::busy, refusal, 0});
        error_code ignored;
        socket.non_blocking(true, ignored);
        socket.write_some(asio::buffer(line), ignored);
    }

    SocketFile file_;
    std::string group_;
    std::shared_ptr<Context> context_;
    Acceptor<asio::local::stream_protocol> acceptor_;
    struct Taken {
        std::weak_ptr<Connection> connection;
        Guest guest;
    };
    std::vector<Taken> connections_;
};

Server::Opened Server::open(asio::io_context& io, const Place& place, std::vector<shard::Handle> shards,
                            Hooks hooks, std::vector<std::string>& notes, Options options) {
    std::variant<SocketFile, std::string> opened = SocketFile::open(place.path, place.group, notes);
    if (auto* problem = std::get_if<std::string>(&opened)) return std::move(*problem);
    Access access(::geteuid(), place.admin_group);
    access.note_missing_group(notes);
    auto context =
        std::make_shared<Context>(Context{std::move(shards), std::move(hooks), options, std::move(access)});
    auto impl =
        std::make_shared<Impl>(io, std::get<SocketFile>(std::move(opened)), place.group, std::move(context));
    impl->start();
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() {
    stop();
}
void Server::look_up_groups(std::vector<std::string>& notes) {
    impl_->look_up_groups(notes);
}
void Server::stop() {
    impl_->stop();
}

}  // namespace finwait::control
