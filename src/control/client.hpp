// A client of the control socket, for programs that do one thing after another: connects, sends requests, and
// hands out the lines of the answers. Knows the lines, not what is in them.
#pragma once

#include "control/protocol.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace finwait::control {

/// How long to wait for the daemon each time before giving it up.
inline constexpr std::chrono::milliseconds kPatience = std::chrono::seconds(30);
inline constexpr std::chrono::milliseconds kForEver{-1};

enum class ConnectFailure : std::uint8_t { unreachable, not_permitted };

struct ConnectError {
    ConnectFailure failure = ConnectFailure::unreachable;
    std::string message;  // what failed, why, and what to do
};

class Client {
  public:
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

  private:
    Client(int descriptor, std::chrono::milliseconds patience)
        : descriptor_(descriptor), patience_(patience) {}
    bool wait(short events);
    bool fill();
    void close();

    int descriptor_ = -1;
    std::chrono::milliseconds patience_;
    std::string buffer_;
    std::size_t begin_ = 0;  // of what next_line() has not handed out yet
    std::string problem_;
};

}  // namespace finwait::control
