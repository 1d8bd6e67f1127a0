// Speaks to conntrack on a thread of its own, for all shards.
#pragma once

#include "shard/keeping.hpp"
#include "shard/look.hpp"
#include "shard/poll.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace finwait::shard {

class Registrar {
  public:
    using Complain = std::function<void(const std::string&)>;
    using Shortest = std::function<std::chrono::seconds()>;

    /// `mark` is that of Keeping; where it is 0, our rules do not need conntrack. `complain` is called on a
    /// thread of ours. The shards must live until stop().
    Registrar(Shards shards, std::uint32_t mark, Complain complain)
        : shards_(shards),
          tracks_(mark != 0 ? Tracks::by_our_rules : Tracks::by_others),
          keeping_(shards, stopping_, mark),
          complain_(std::move(complain)) {}
    ~Registrar() { stop(); }
    Registrar(const Registrar&) = delete;
    Registrar& operator=(const Registrar&) = delete;

    void start();
    void stop();

    /// Packets have passed unseen: some looks at conntrack's table follow. May be called on any thread, and
    /// as often as one likes.
    void after_loss();

    /// From now on entries of half-closed flows get `more` time before theirs runs out, of which conntrack
    /// gives them `shortest` by itself. May be called on any thread.
    void keep_entries(std::chrono::seconds more, Shortest shortest);
    /// Removes the entry of a connection that is gone from both ends, soon. May be called on any thread.
    void remove(const netfilter::Translation& connection);

  private:
    using Clock = std::chrono::steady_clock;

    void plan_looks();
    void look_when_due();
    void look();
    void keep();
    void keep_when_due();
    void remove_all();
    void attempt(const std::function<std::optional<netfilter::ConntrackError>()>& pass);
    void tell(const netfilter::ConntrackError& error);

    std::atomic<bool> stopping_ = false;
    Shards shards_;
    Tracks tracks_;
    Keeping keeping_;
    Complain complain_;
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
    boost::asio::steady_timer look_timer_{io_};
    std::size_t looks_left_ = 0;
    Clock::time_point next_look_;
    std::atomic<bool> loss_told_ = false;
    boost::asio::steady_timer keep_timer_{io_};
    std::chrono::seconds more_time_{0};
    Shortest shortest_;
    Clock::time_point complained_;
    std::mutex removals_lock_;
    std::deque<netfilter::Translation> removals_;  // grows by little at a time
    std::thread thread_;
};

}  // namespace finwait::shard
