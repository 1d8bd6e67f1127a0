// A client of the control socket, for programs that do one thing after another: connects, sends requests, and
// hands out the lines of the answers. Knows the lines, not what is in them.
//
// A daemon that is stopped or hangs accepts connections and never answers; one that looks through a million
// flows, or has no event to tell, is silent as well. So a client that has heard nothing for a while asks on a
// second connection whether the daemon answers at all.
#pragma once

#include "control/protocol.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace finwait::control {

/// How long a daemon that does not answer is waited for.
inline constexpr std::chrono::milliseconds kPatience = std::chrono::seconds(5);

/// What to do about one.
inline constexpr std::string_view kSilentAdvice =
    "kill -CONT its pid if it was stopped (SIGSTOP, a debugger), or systemctl restart finwaitd";

enum class ConnectFailure : std::uint8_t {
    unreachable,
    not_permitted,
    silent,  // somebody listens, and takes no connection
};

struct ConnectError {
    ConnectFailure failure = ConnectFailure::unreachable;
    std::string message;  // what failed, why, and what to do
};

class Client {
  public:
    /// Gives up after `patience` without a sign of life, here and later.
    [[nodiscard]] static std::variant<Client, ConnectError> connect(
        const std::string& path, std::chrono::milliseconds patience = kPatience);
    Client(Client&& other) noexcept;
    Client& operator=(Client&& other) noexcept;
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    /// False when the connection is gone. An answer may still be there: why the daemon closed it.
    bool send(const Request& request);
    /// The next line, without its newline, until the next call; empty when there is none and problem() says
    /// why.
    [[nodiscard]] std::optional<std::string_view> next_line();
    [[nodiscard]] const std::string& problem() const { return problem_; }
    /// The problem is that the daemon gave no sign of life.
    [[nodiscard]] bool silent() const { return silent_; }

  private:
    using Clock = std::chrono::steady_clock;

    Client(std::string path, int descriptor, std::chrono::milliseconds patience)
        : path_(std::move(path)), descriptor_(descriptor), patience_(patience) {}
    enum class Woken : std::uint8_t { ready, by_ping, by_nothing, failed };

    bool wait(short events);
    [[nodiscard]] Woken poll_for(short events, Clock::time_point until);
    void start_asking();
    void stop_asking();
    bool fill();
    void close();

    std::string path_;
    int descriptor_ = -1;
    int asking_ = -1;  // the second connection, while a ping on it is not answered
    std::chrono::milliseconds patience_;
    std::string buffer_;
    std::size_t begin_ = 0;  // of what next_line() has not handed out yet
    std::string problem_;
    bool silent_ = false;
};

}  // namespace finwait::control
