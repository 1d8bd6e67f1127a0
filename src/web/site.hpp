// What can be asked for: the status page, what it reads, and the metrics. Knows paths, not sockets. All of it
// runs on the control thread; shards are asked as finwaitctl has them asked.
#pragma once

#include "control/context.hpp"
#include "web/history.hpp"
#include "web/hosts.hpp"
#include "web/http.hpp"
#include "web/metrics.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace finwait::web {

class Site : public std::enable_shared_from_this<Site> {
  public:
    Site(boost::asio::io_context& io, std::shared_ptr<control::Context> context);

    /// From now on, at the first call, the history is written.
    void start();
    void stop();

    /// Which names requests may use; empty: any, where no browser can be the one that asks.
    void allow(std::optional<Hosts> hosts) { hosts_ = std::move(hosts); }

    [[nodiscard]] boost::asio::awaitable<Answer> answer(Request request);

  private:
    using Gathered = std::variant<Facts, control::Error>;

    boost::asio::awaitable<void> remember();
    boost::asio::awaitable<Gathered> gather();
    boost::asio::awaitable<Answer> metrics_text(std::string accept);
    boost::asio::awaitable<Answer> status();
    boost::asio::awaitable<Answer> flows(std::string filter);
    [[nodiscard]] std::optional<Answer> refusal(const Request& request,
                                                const std::optional<Target>& target) const;

    boost::asio::steady_timer timer_;
    std::shared_ptr<control::Context> context_;
    std::optional<Hosts> hosts_;
    History history_;
    std::optional<Facts> facts_;  // the last ones, and when that was
    std::chrono::steady_clock::time_point gathered_;
    int listings_ = 0;  // under way
    bool running_ = false;
};

}  // namespace finwait::web
