// A daemon that says what the test wants, and subcommands run against it.
#pragma once

#include "control/protocol.hpp"
#include "ctl/commands.hpp"
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

/// Answers each connection with the next of its texts, and the last one ever after.
class FakeDaemon {
  public:
    explicit FakeDaemon(std::vector<std::string> answers) : answers_(std::move(answers)) {
        std::string name = (std::filesystem::temp_directory_path() / "finwait-ctl-XXXXXX").string();
        directory_ = ::mkdtemp(name.data());
        listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path().c_str(), path().size());
        EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(listener_, 1), 0);
        thread_ = std::thread([this] { serve(); });
    }
    FakeDaemon(const FakeDaemon&) = delete;
    FakeDaemon& operator=(const FakeDaemon&) = delete;
    ~FakeDaemon() {
        stop();
        std::filesystem::remove_all(directory_);
    }

    [[nodiscard]] std::string path() const { return directory_ + "/s"; }
    /// What was asked; ends the daemon.
    const std::vector<std::string>& requests() {
        stop();
        return requests_;
    }

  private:
    void stop() {
        if (!thread_.joinable()) return;
        ::shutdown(listener_, SHUT_RDWR);  // wakes accept() when nobody comes
        thread_.join();
        ::close(listener_);
    }
    void serve() {
        for (std::size_t i = 0;; ++i) {
            const int peer = ::accept(listener_, nullptr, nullptr);
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
    std::string directory_;
    int listener_ = -1;
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
    call.subcommand = &*found;
    Captured out;
    Captured err;
    Terminal terminal{out.output(), err.output(), std::nullopt, false, std::move(ask)};
    const ExitCode code = call.subcommand->run(call, terminal);
    return {static_cast<int>(code), out.text(), err.text()};
}

inline Outcome run_against(std::string_view name, const std::string& answer, bool json = false,
                           const std::string& operand = {}) {
    const FakeDaemon daemon({answer});
    return run(name, {nullptr, operand, daemon.path(), {}, json});
}

inline std::string flow_line() {
    return control::data_line("flow", half_closed_flow().dump());
}

}  // namespace finwait::ctl::test
