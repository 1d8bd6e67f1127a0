// Keeps the shards told of what they are to leave alone, as links and rules change.
#include "daemon.hpp"

#include <chrono>

namespace finwait::daemon {

namespace {

/// Links may come and go by the hundred: not more often is all read anew.
constexpr auto kSettle = std::chrono::milliseconds(200);

}  // namespace

void Daemon::leave_detours_alone() {
    const auto tell = [this](shard::Reason reason) {
        if (!told_aside_[static_cast<std::size_t>(reason)].exchange(true))
            logger_->warn("{}", shard::explanation(reason));
    };
    for (const auto& shard : shards_)
        shard->tell_aside(tell);
    read_detours();
    if (detour_watch_.descriptor() < 0)
        return logger_->warn(
            "changes of links and routing rules are not noticed: there is no rtnetlink socket");
    detours_changed_.assign(detour_watch_.descriptor());
    wait_for_detours();
}

void Daemon::read_detours() {
    const auto detours = machine::scan_detours();
    if (!detours)
        return logger_->warn(
            "links and routing rules cannot be read: connections in VRFs, or routed by interface, may be "
            "asked by "
            "another way than their own");
    if (*detours == detours_) return;
    detours_ = *detours;
    for (const auto& shard : shards_)
        shard->avoid(detours_);
}

void Daemon::wait_for_detours() {
    detours_changed_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                [this](const boost::system::error_code& error) {
                                    if (error) return;
                                    settle_.expires_after(kSettle);
                                    settle_.async_wait([this](const boost::system::error_code& stopped) {
                                        if (stopped) return;
                                        detour_watch_.drain();
                                        wait_for_detours();  // first: there may be no memory to read them
                                        read_detours();
                                    });
                                });
}

}  // namespace finwait::daemon
