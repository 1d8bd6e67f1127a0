// The page's server with real engines behind it, and a client that says what a test wants said.
#pragma once

#include "control/daemon.hpp"
#include "web/server.hpp"

#include <arpa/inet.h>
#include <future>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/post.hpp>

namespace finwait::web::test {

using control::test::json;

/// One that nobody else listens on; tests may run beside each other.
inline std::uint16_t free_port() {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    if (::bind(descriptor, plain, size) != 0 || ::getsockname(descriptor, plain, &size) != 0) std::abort();
    ::close(descriptor);
    return ntohs(address.sin_port);
}

inline const std::uint16_t kPort = free_port();
inline const std::uint16_t kOtherPort = free_port();

class Daemon {
  public:
    explicit Daemon(std::size_t shards = 1) {
        for (std::size_t i = 0; i < shards; ++i)
            shards_.push_back(std::make_unique<control::test::Shard>(static_cast<std::uint8_t>(i)));
        context->hooks.version = "1.2.3";
        context->hooks.mode = [] { return std::string("observe"); };
    }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon() {
        for (const auto& shard : shards_)
            shard->loop().join();
        control_.join();
        server.reset();
    }

    void start() {
        for (const auto& shard : shards_)
            context->shards.push_back(shard->handle());
        server = std::make_unique<Server>(control_.io(), context, limits);
        ASSERT_EQ(listen(place()), std::nullopt);
        control_.start();
        for (const auto& shard : shards_)
            if (!silent) shard->loop().start();
    }
    /// Before start(), or on the control thread.
    std::optional<std::string> listen(const std::optional<Place>& where) {
        return server->listen(where, {"gw.example"}, "", notes);
    }
    /// The same while it runs.
    std::optional<std::string> relisten(const std::optional<Place>& where) {
        std::promise<std::optional<std::string>> done;
        control::test::asio::post(control_.io(), [&] { done.set_value(listen(where)); });
        return done.get_future().get();
    }

    [[nodiscard]] static Place place(std::uint16_t port = kPort) {
        return tcp::Endpoint{*tcp::Address::parse("127.0.0.1"), port};
    }
    [[nodiscard]] std::string path() const { return directory_.file("metrics.sock"); }
    control::test::Shard& shard(std::size_t i = 0) { return *shards_[i]; }

    std::shared_ptr<control::Context> context = std::make_shared<control::Context>();
    HttpLimits limits;
    std::vector<std::string> notes;
    bool silent = false;  // the shards do not answer
    std::unique_ptr<Server> server;

  private:
    control::test::TemporaryDirectory directory_;
    control::test::Loop control_;  // outlives the shards, as in the daemon
    std::vector<std::unique_ptr<control::test::Shard>> shards_;
};

struct Response {
    int status = 0;  // 0: there was none
    std::string head;
    std::string body;
};

class Client {
  public:
    explicit Client(std::uint16_t port = kPort)
        : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected = ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() { ::close(descriptor_); }

    bool send(std::string_view text) const {
        while (!text.empty()) {
            const ssize_t sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
            if (sent < 0) return false;
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    /// The next answer, by its Content-Length; of HEAD only the head.
    Response response(bool only_head = false) {
        Response out;
        std::size_t end = 0;
        while ((end = received_.find("\r\n\r\n")) == std::string::npos)
            if (!receive()) return out;
        out.head = received_.substr(0, end + 2);
        received_.erase(0, end + 4);
        out.status = std::stoi(out.head.substr(9, 3));
        const std::size_t at = out.head.find("Content-Length: ");
        const std::size_t length =
            at == std::string::npos || only_head ? 0 : std::stoul(out.head.substr(at + 16));
        while (received_.size() < length)
            if (!receive()) return {};
        out.body = received_.substr(0, length);
        received_.erase(0, length);
        return out;
    }
    /// Whether the server hangs up within five seconds.
    bool cut_off() {
        while (receive()) {
        }
        return ended_;
    }
    bool connected = false;

  private:
    bool receive() {
        pollfd poll{descriptor_, POLLIN, 0};
        if (::poll(&poll, 1, 5000) != 1) return false;
        char chunk[4096];
        const ssize_t got = ::recv(descriptor_, chunk, sizeof chunk, 0);
        ended_ = got <= 0;
        if (got > 0) received_.append(chunk, static_cast<std::size_t>(got));
        return got > 0;
    }

    int descriptor_;
    std::string received_;
    bool ended_ = false;
};

inline std::string request(std::string_view target, std::string_view method = "GET",
                           std::string_view more = "", std::string_view host = "localhost") {
    return std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: " + std::string(host) +
           "\r\n" + std::string(more) + "\r\n";
}

inline Response get(std::string_view target, std::string_view more = "",
                    std::string_view host = "localhost") {
    Client client;
    client.send(request(target, "GET", more, host));
    return client.response();
}

}  // namespace finwait::web::test
