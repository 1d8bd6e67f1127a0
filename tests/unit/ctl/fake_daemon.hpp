// A daemon that says what the test wants, and subcommands run against it.
#pragma once

#include "control/protocol.hpp"
#include "ctl/subcommands.hpp"
#include "ctl/support.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

namespace finwait::ctl::test {

/// A socket of its own that listens, and that nobody answers: a daemon that is stopped.
class Listener {
  public:
    Listener() {
        std::string name = (std::filesystem::temp_directory_path() / "finwait-ctl-XXXXXX").string();
        directory_ = ::mkdtemp(name.data());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path().c_str(), path().size());
        EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(socket_, 16), 0);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener() {
        ::close(socket_);
        std::filesystem::remove_all(directory_);
    }

    [[nodiscard]] std::string path() const { return directory_ + "/s"; }
    [[nodiscard]] int socket() const { return socket_; }

  private:
    std::string directory_;
    int socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

/// Answers each connection with the next of its texts, and the last one ever after.
class FakeDaemon {
  public:
    explicit FakeDaemon(std::vector<std::string> answers) : answers_(std::move(answers)) {
        thread_ = std::thread([this] { serve(); });
    }
    FakeDaemon(const FakeDaemon&) = delete;
    FakeDaemon& operator=(const FakeDaemon&) = delete;
    ~FakeDaemon() { stop(); }

    [[nodiscard]] std::string path() const { return listener_.path(); }
    /// What was asked; ends the daemon.
    const std::vector<std::string>& requests() {
        stop();
        return requests_;
    }

  private:
    void stop() {
        if (!thread_.joinable()) return;
        ::shutdown(listener_.socket(), SHUT_RDWR);  // wakes accept() when nobody comes
        thread_.join();
    }
    void serve() {
        for (std::size_t i = 0;; ++i) {
            const int peer = ::accept(listener_.socket(), nullptr, nullptr);
            if (peer < 0) return;
            char request[4096];
            const ssize_t got = ::recv(peer, request, sizeof request, 0);
            requests_.emplace_back(request, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
            const std::string& answer = answers_[std::min(i, answers_.size() - 1)];
            ::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
            ::close(peer);
        }
    }

    std::vector<std::string> answers_;
    std::vector<std::string> requests_;
    Listener listener_;
    std::thread thread_;
};

struct Outcome {
    int code;
    std::string out;
    std::string err;
};

inline Outcome run(std::string_view name, Invocation call, std::function<bool(const std::string&)> ask = {}) {
    const auto all = subcommands();
    const auto found = std::find_if(all.begin(), all.end(),
                                    [name](const Subcommand& subcommand) { return subcommand.name == name; });
    Captured out;
    Captured err;
    Terminal terminal{out.output(), err.output(), std::nullopt, false, std::move(ask)};
    const ExitCode code = found->run(call, terminal);
    return {static_cast<int>(code), out.text(), err.text()};
}

inline Outcome run_against(std::string_view name, const std::string& answer, bool json = false,
                           const std::string& operand = {}) {
    const FakeDaemon daemon({answer});
    return run(name, {operand, daemon.path(), {}, json});
}

inline std::string flow_line() {
    return control::data_line("flow", half_closed_flow().dump());
}

}  // namespace finwait::ctl::test
