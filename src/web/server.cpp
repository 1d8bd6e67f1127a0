#include "web/server.hpp"

#include "control/acceptor.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <unistd.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>

namespace finwait::web {

namespace asio = boost::asio;
using Protocol = asio::generic::stream_protocol;

namespace {

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : std::string();
}

/// One may be in the other's way: it is of all addresses, on the same port.
bool may_overlap(const Place& one, const Place& other) {
    const auto* a = std::get_if<tcp::Endpoint>(&one);
    const auto* b = std::get_if<tcp::Endpoint>(&other);
    return a != nullptr && b != nullptr && a->port == b->port;
}

/// A socket that has just been closed listens on for a moment, in a child that has yet to become another
/// program.
std::variant<Listener, Listener::Problem> open_at_last(const Place& place, const std::string& group,
                                                       std::vector<std::string>& notes) {
    constexpr int kAttempts = 20;
    constexpr auto kBetween = std::chrono::milliseconds(10);
    for (int i = 1; i < kAttempts; ++i) {
        auto opened = Listener::open(place, group, notes);
        const auto* problem = std::get_if<Listener::Problem>(&opened);
        if (problem == nullptr || !problem->in_use) return opened;
        std::this_thread::sleep_for(kBetween);
    }
    return Listener::open(place, group, notes);
}

}  // namespace

/// Accepts readers until it is closed, and knows those that are there.
class Server::Door : public std::enable_shared_from_this<Door> {
  public:
    Door(asio::io_context& io, Listener listener, std::shared_ptr<Site> site, const HttpLimits& limits)
        : listener_(std::move(listener)),
          site_(std::move(site)),
          limits_(limits),
          acceptor_(io, Protocol(listener_.family(), 0), listener_.release_descriptor()) {}

    void open() {
        asio::co_spawn(acceptor_.executor(),
                       acceptor_.run([this](Connection::Socket socket) { welcome(std::move(socket)); }),
                       [self = shared_from_this()](std::exception_ptr) {});
    }

    void give_to(const std::string& group, std::vector<std::string>& notes) {
        listener_.give_to(group, notes);
    }

    void close() {
        listener_.remove();
        acceptor_.close();
        for (const auto& weak : connections_)
            if (const auto connection = weak.lock()) connection->close();
    }

  private:
    /// When there are too many, who has been there longest without asking anything goes, or else the
    /// newcomer.
    void welcome(Connection::Socket socket) {
        std::erase_if(connections_, [](const std::weak_ptr<Connection>& weak) { return weak.expired(); });
        if (connections_.size() >= limits_.connections) {
            const auto idle = std::ranges::find_if(connections_, [](const std::weak_ptr<Connection>& weak) {
                const auto connection = weak.lock();
                return connection && connection->idle();
            });
            if (idle == connections_.end()) return;
            if (const auto connection = idle->lock()) connection->close();
            connections_.erase(idle);
        }
        connections_.push_back(Connection::start(std::move(socket), site_, limits_));
    }

    Listener listener_;
    std::shared_ptr<Site> site_;
    HttpLimits limits_;
    control::Acceptor<Protocol> acceptor_;
    std::vector<std::weak_ptr<Connection>> connections_;  // in the order in which they came
};

Server::Server(asio::io_context& io, std::shared_ptr<control::Context> context, HttpLimits limits)
    : io_(io), context_(std::move(context)), limits_(limits), site_(std::make_shared<Site>(io, context_)) {}

Server::~Server() {
    stop();
}

std::optional<std::string> Server::listen(const std::optional<Place>& place, std::vector<std::string> names,
                                          const std::string& group, std::vector<std::string>& notes) {
    if (place && place != place_) {
        if (auto problem = move_to(*place, group, notes)) return problem;
    }
    if (!place) close_door();
    place_ = place;
    names.push_back(host_name());
    // A browser does not reach a Unix socket; a proxy that does has names of its own.
    const bool browsers = place && std::holds_alternative<tcp::Endpoint>(*place);
    site_->allow(browsers ? std::optional(Hosts(std::move(names))) : std::nullopt);
    return std::nullopt;
}

void Server::give_to(const std::string& group, std::vector<std::string>& notes) {
    if (door_) door_->give_to(group, notes);
}

std::optional<std::string> Server::move_to(const Place& place, const std::string& group,
                                           std::vector<std::string>& notes) {
    auto opened = Listener::open(place, group, notes);
    const auto* problem = std::get_if<Listener::Problem>(&opened);
    if (problem != nullptr && problem->in_use && place_ && may_overlap(place, *place_)) {
        close_door();
        auto again = open_at_last(place, group, notes);
        if (auto* failed = std::get_if<Listener::Problem>(&again)) {
            auto old = open_at_last(*place_, group, notes);
            if (auto* back = std::get_if<Listener>(&old)) open_door(std::move(*back));
            return std::move(failed->message);
        }
        open_door(std::get<Listener>(std::move(again)));
        return std::nullopt;
    }
    if (problem != nullptr) return problem->message;
    close_door();
    open_door(std::get<Listener>(std::move(opened)));
    return std::nullopt;
}

void Server::open_door(Listener listener) {
    door_ = std::make_shared<Door>(io_, std::move(listener), site_, limits_);
    door_->open();
    site_->start();
}

void Server::close_door() {
    if (door_) door_->close();
    door_.reset();
}

void Server::stop() {
    close_door();
    site_->stop();
    context_->forget();
}

}  // namespace finwait::web
