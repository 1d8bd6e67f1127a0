// A control server with real engines behind it, on threads of its own and a socket in a directory of its own;
// and a client that can misbehave.
#pragma once

#include "control/server.hpp"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace finwait::control::test {

using nlohmann::json;
namespace asio = boost::asio;

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "finwait-control-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        path_ = name;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }

    [[nodiscard]] std::string file(std::string_view name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

/// Runs an io_context until it goes.
class Loop {
  public:
    Loop() : work_(asio::make_work_guard(io_)) {}
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop() { join(); }

    asio::io_context& io() { return io_; }
    void start() {
        thread_ = std::thread([this] { io_.run(); });
    }
    void join() {
        io_.stop();
        if (thread_.joinable()) thread_.join();
    }

  private:
    asio::io_context io_;
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::thread thread_;
};

inline constexpr Instant kNow = Instant(std::chrono::seconds(1000));

/// One shard: an engine with a thread.
class Shard {
  public:
    explicit Shard(std::uint8_t number) : engine_(options(number)) {}

    /// A connection at `age` before kNow; with `half_closed` the client has closed its direction.
    void open_flow(std::uint16_t client_port, bool half_closed, Duration age = std::chrono::seconds(10)) {
        const Instant then = kNow - age;
        const std::uint32_t fin = half_closed ? 1 : 0;
        feed(then, segment(client_port, true, tcp::flag::syn, 1000, 0));
        feed(then, segment(client_port, false, tcp::flag::syn | tcp::flag::ack, 5000, 1001));
        feed(then, segment(client_port, true, tcp::flag::ack, 1001, 5001));
        if (fin == 0) return;
        feed(then, segment(client_port, true, tcp::flag::fin | tcp::flag::ack, 1001, 5001));
        feed(then, segment(client_port, false, tcp::flag::ack, 5001, 1002));
    }

    shard::Handle handle() {
        return {&loop_.io(), &engine_, [this] { ++wakes; }, [] { return kNow; }, nullptr, &told};
    }
    engine::Engine& engine() { return engine_; }
    Loop& loop() { return loop_; }

    int wakes = 0;  // on the shard's thread
    observe::Feed told;

  private:
    static engine::Options options(std::uint8_t number) {
        engine::Options options;
        options.max_flows = 5000;
        options.shard = number;
        options.selective = false;
        return options;
    }

    static tcp::Segment segment(std::uint16_t client_port, bool from_client, std::uint8_t flags,
                                std::uint32_t seq, std::uint32_t ack) {
        tcp::Segment segment;
        const tcp::Endpoint client{tcp::Address::parse("10.99.1.2").value(), client_port};
        const tcp::Endpoint server{tcp::Address::parse("10.99.2.2").value(), 80};
        segment.source = from_client ? client : server;
        segment.destination = from_client ? server : client;
        segment.flags = flags;
        segment.seq = tcp::Seq(seq);
        segment.ack = tcp::Seq(ack);
        segment.window = 60000;
        return segment;
    }

    void feed(Instant now, const tcp::Segment& segment) {
        static_cast<void>(engine_.on_segment(now, segment));
    }

    engine::Engine engine_;
    Loop loop_;
};

/// The server with its shards. Change what it is made of before start().
class Daemon {
  public:
    explicit Daemon(std::size_t shards = 1) {
        for (std::size_t i = 0; i < shards; ++i)
            shards_.push_back(std::make_unique<Shard>(static_cast<std::uint8_t>(i)));
    }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon() { stop(); }

    void start() {
        std::vector<shard::Handle> handles;
        for (const auto& shard : shards_)
            handles.push_back(shard->handle());
        Server::Opened opened =
            Server::open(control_.io(), {path(), "", ""}, std::move(handles), hooks, notes, options);
        const auto* problem = std::get_if<std::string>(&opened);
        ASSERT_EQ(problem, nullptr) << *problem;
        server_ = std::get<std::unique_ptr<Server>>(std::move(opened));
        control_.start();
        for (const auto& shard : shards_) {
            if (!silent) shard->loop().start();
        }
    }
    /// As the daemon ends: threads first, so that the server can be stopped from here.
    void stop() {
        for (const auto& shard : shards_)
            shard->loop().join();
        control_.join();
        server_.reset();
    }

    [[nodiscard]] std::string path() const { return directory_.file("control.sock"); }
    Shard& shard(std::size_t i = 0) { return *shards_[i]; }

    Hooks hooks;
    Options options;
    std::vector<std::string> notes;
    bool silent = false;  // the shards do not answer

  private:
    TemporaryDirectory directory_;
    Loop control_;  // outlives the shards, as in the daemon
    std::vector<std::unique_ptr<Shard>> shards_;
    std::unique_ptr<Server> server_;
};

/// A bare client: what it sends and whether it reads is up to the test.
class Peer {
  public:
    explicit Peer(const std::string& path) : descriptor_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.c_str(), path.size());
        connected_ = ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() { ::close(descriptor_); }

    [[nodiscard]] bool connected() const { return connected_; }
    [[nodiscard]] int descriptor() const { return descriptor_; }

    bool send(std::string_view text) {
        while (!text.empty()) {
            const ssize_t sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
            if (sent < 0) return false;
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

    /// The next line; empty when the server has closed the connection, or says nothing for five seconds.
    std::optional<std::string> line() {
        for (;;) {
            const std::size_t end = received_.find('\n');
            if (end != std::string::npos) {
                std::string line = received_.substr(0, end);
                received_.erase(0, end + 1);
                return line;
            }
            pollfd poll{descriptor_, POLLIN, 0};
            if (::poll(&poll, 1, 5000) != 1) return std::nullopt;
            char chunk[4096];
            const ssize_t got = ::recv(descriptor_, chunk, sizeof chunk, 0);
            if (got <= 0) return std::nullopt;
            received_.append(chunk, static_cast<std::size_t>(got));
        }
    }

    /// The lines of one answer, the last one included.
    std::vector<json> answer() {
        std::vector<json> lines;
        while (const auto text = line()) {
            lines.push_back(json::parse(*text));
            if (lines.back().contains("done") || lines.back().contains("error")) break;
        }
        return lines;
    }
    std::vector<json> ask(const json& request) {
        send(request.dump() + "\n");
        return answer();
    }

  private:
    int descriptor_;
    bool connected_ = false;
    std::string received_;
};

}  // namespace finwait::control::test
