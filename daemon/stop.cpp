// Signals, the guard of the queues, and the end, in an order in which no packet waits.
#include "daemon.hpp"
#include "host/memory_reserve.hpp"
#include "keeper.hpp"

#include <csignal>
#include <new>

namespace finwait::daemon {

namespace {

constexpr Duration kDrainPatience = std::chrono::seconds(1);

}  // namespace

void Daemon::watch_signals() {
    for (const int number : {SIGTERM, SIGINT, SIGHUP})
        signals_.add(number);
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
        if (error) return;
        if (number != SIGHUP) return stop_surely();
        watch_signals();
        static_cast<void>(reload({}));
    });
}

/// Without memory for a step of the stop the rest is left to the destructors, which take back the rules, too.
void Daemon::stop_surely() {
    try {
        stop();
    } catch (const std::bad_alloc&) {
        host::note_no_memory();
        control_io_.stop();
    }
}

/// The shards first: their queues let everything pass and are given up, so that traffic waits neither for a
/// tool that hangs nor for files. The rules last: that may take long, and the rest is done by then.
void Daemon::stop() {
    herald_.stopping();
    observe::Line(observe::Message::stopping, "stopping").log(*logger_, spdlog::level::info);
    if (registrar_) registrar_->stop();
    stop_shards();
    server_->stop();
    web_->stop();
    conntrack_clock_.restore();
    keep_flows(settings_, shards_, *logger_);
    if (rule_watch_) rule_watch_->stop();
    remove_rules();
    control_io_.stop();
}

/// Removing a hook, or closing a socket, drops what the queue still holds: it gets its verdict first.
void Daemon::stop_shards() {
    for (const auto& shard : shards_)
        shard->drain_and_stop(kDrainPatience);
    if (guard_ended_.is_open()) guard_ended_.release();
    guard_.reset();
}

void Daemon::watch_guard() {
    if (!guard_) return;
    guard_ended_.assign(guard_->descriptor());
    guard_ended_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                            [this](const boost::system::error_code& error) {
                                if (error) return;
                                guard_ended_.release();
                                guard_->note_end();
                                logger_->error(
                                    "the process that guards the queues has been ended by others: from now "
                                    "on packets wait for finwaitd if it is stopped (SIGSTOP) or hangs; "
                                    "restart finwaitd");
                            });
}

/// The first request to stop is the one that has brought us here.
void Daemon::remove_rules() {
    rules_->remove(netfilter::ToolTime(netfilter::kRemovalPatience, &stop_requests_.count(), 1,
                                       netfilter::kRemovalHurry));
    for (const std::string& unknown : rules_->unknown())
        logger_->warn("{}", unknown);
    if (!rules_->problem()) return;
    logger_->error("{}", *rules_->problem());
    status_ = 1;
}

}  // namespace finwait::daemon
