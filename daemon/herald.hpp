// Tells the service manager how it goes (sd_notify(3)): ready, reloading, stopping, a line of status; and
// feeds its watchdog, but only while every shard answers. Does nothing where there is no service manager.
#pragma once

#include "shard/pulse.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace finwait::daemon {

class Herald {
  public:
    explicit Herald(boost::asio::io_context& control) : control_(control), timer_(control) {}

    /// When rules are installed and the shards run. `mode`: what the status line ends in.
    void ready(std::vector<shard::Handle> shards, std::function<std::string()> mode);
    void reloading();
    void reloaded();
    void stopping();

  private:
    void beat();
    void tell(const shard::Pulse::Sums& sums);

    boost::asio::io_context& control_;
    boost::asio::steady_timer timer_;
    std::chrono::microseconds pause_{0};
    std::optional<shard::Pulse> pulse_;
    std::function<std::string()> mode_;
    bool watched_ = false;
};

}  // namespace finwait::daemon
