// Counts the requests to stop (SIGTERM, SIGINT, SIGQUIT) on a thread of its own: the control thread may be
// waiting for a tool, at the start or at the end, and these end the wait.
#pragma once

#include <atomic>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace finwait::daemon {

class StopRequests {
  public:
    StopRequests();
    ~StopRequests();
    StopRequests(const StopRequests&) = delete;
    StopRequests& operator=(const StopRequests&) = delete;

    /// How many have come. May be read on any thread.
    [[nodiscard]] const std::atomic<unsigned>& count() const { return count_; }

  private:
    void wait();

    std::atomic<unsigned> count_ = 0;
    boost::asio::io_context io_{1};
    boost::asio::signal_set signals_{io_};
    std::thread thread_;
};

/// Ignores every signal that would end the process and that finwaitd has no use for. SIGHUP is ignored until
/// somebody waits for it. SIGQUIT and SIGABRT still leave a core.
void ignore_unused_signals();

}  // namespace finwait::daemon
