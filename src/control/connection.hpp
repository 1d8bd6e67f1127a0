// One client of the control socket: reads its request lines, has them executed, and cuts off who sends
// nonsense, half a line or nothing, or does not read. Knows the limits, not the commands.
#pragma once

#include "control/commands.hpp"
#include "control/context.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

namespace finwait::control {

class Connection final : public Writer, public std::enable_shared_from_this<Connection> {
  public:
    using Socket = boost::asio::local::stream_protocol::socket;

    Connection(Socket socket, std::shared_ptr<const Context> context);

    /// Serves the client until it goes or is cut off; the connection lives as long.
    static void start(const std::shared_ptr<Connection>& connection);
    /// Ends it now.
    void close();
    /// The same, because the server stops: says so to a client that waits for what else happens.
    void stop();
    /// The same, because another client needs the place: says so.
    void give_way();
    /// For how long the client has sent nothing since its last answer; empty while a request is under way.
    [[nodiscard]] std::optional<std::chrono::milliseconds> idle() const;

    boost::asio::awaitable<bool> write(const std::string& text) override;
    void at_stop(std::string line) override { at_stop_ = std::move(line); }
    [[nodiscard]] bool gone() const override;
    [[nodiscard]] Requester requester() const override;
    [[nodiscard]] Requester credentials() const override;

  private:
    enum class Read : std::uint8_t { line, closed, too_long, too_slow };

    boost::asio::awaitable<void> serve();
    /// The next request line into `line_`.
    boost::asio::awaitable<Read> read_line();
    boost::asio::awaitable<bool> answer();
    boost::asio::awaitable<bool> carry_out(const Request& wanted);
    boost::asio::awaitable<bool> complain(Error error);
    [[nodiscard]] bool take_line();

    /// One attempt, no waiting. Behind half a line it would be rubbish.
    void say_at_end(const std::string& line);

    /// Cancels the operation under way when it takes longer.
    void set_deadline(std::chrono::milliseconds limit);
    void clear_deadline();

    Socket socket_;
    std::shared_ptr<const Context> context_;
    boost::asio::steady_timer deadline_;
    std::array<char, 4096> chunk_{};
    std::string received_;
    std::string line_;
    std::string at_stop_;
    /// Since when the next request has been waited for; empty once some of it has come.
    std::optional<std::chrono::steady_clock::time_point> idle_since_ = std::chrono::steady_clock::now();
    bool writing_ = false;  // part of a text may have left
    int bad_requests_ = 0;
    bool too_slow_ = false;
};

}  // namespace finwait::control
