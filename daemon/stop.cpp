// Signals, the guard of the queues, and the end, in an order in which no packet waits.
#include "daemon.hpp"
#include "host/memory_reserve.hpp"
#include "keeper.hpp"
#include "shard/clock.hpp"

#include <csignal>
#include <fmt/format.h>
#include <new>
#include <utility>

namespace finwait::daemon {

namespace {

constexpr Duration kDrainPatience = std::chrono::seconds(1);
constexpr std::chrono::milliseconds kOpeningsEvery(250);
/// A look that comes so much too late means that this thread was stopped. With looks this frequent that holds
/// for each stop of 500 ms or longer, after which the guard opens the queues of a stopped process: a short
/// stop is not taken for a longer one before it.
constexpr Duration kStoodStill = std::chrono::milliseconds(250);
constexpr Duration kRemembered = std::chrono::seconds(5);

}  // namespace

void Daemon::watch_signals() {
    for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP})
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
    openings_looked_ = shard::monotonic_now();
    watch_openings();
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

void Daemon::watch_openings() {
    openings_due_.expires_after(kOpeningsEvery);
    openings_due_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        note_openings();
        watch_openings();
    });
}

/// The guard itself writes no log: a log that blocks would keep it from opening the queues. For how long this
/// thread stood still is remembered for some looks, for the shards may tell of an opening a little later.
void Daemon::note_openings() {
    const Instant now = shard::monotonic_now();
    const Duration late = now - openings_looked_ - kOpeningsEvery;
    openings_looked_ = now;
    if (late >= kStoodStill) {
        stood_still_ = late;
        stood_until_ = now + kRemembered;
    }
    std::uint64_t openings = 0;
    for (const auto& shard : shards_)
        openings += shard->queue_openings();
    if (std::exchange(openings_told_, openings) == openings) return;
    const std::string why =
        now < stood_until_ ? fmt::format(
                                 "finwaitd gave no verdicts for {:.1f} s: it was stopped (SIGSTOP, a "
                                 "debugger), or got no processor time",
                                 std::chrono::duration<double>(stood_still_).count())
                           : std::string("a thread of finwaitd gave no verdicts for two seconds or longer");
    logger_->warn(
        "finwait-guard opened queues, and packets passed unseen, because {}. finwaitd looks up in conntrack "
        "what "
        "has become of the connections, and probes the half-closed ones. If nobody stopped it on purpose, "
        "look "
        "for what keeps this machine busy, or raise intercept.queues",
        why);
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
