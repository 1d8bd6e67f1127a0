#include "herald.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace finwait::daemon {

namespace {

/// How often the status line is made anew, at least.
constexpr std::chrono::microseconds kPause = std::chrono::seconds(5);

/// The clock that systemd compares a reload's beginning with.
std::uint64_t monotonic_microseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

void notify(const std::string& state) {
    sd_notify(0, state.c_str());
}

}  // namespace

void Herald::ready(std::vector<shard::Handle> shards, std::function<std::string()> mode) {
    if (std::getenv("NOTIFY_SOCKET") == nullptr) return;
    std::uint64_t patience = 0;
    watched_ = sd_watchdog_enabled(0, &patience) > 0;
    // A quarter: one beat that comes late is no reason to be killed.
    pause_ = watched_ ? std::min(kPause, std::chrono::microseconds(patience / 4)) : kPause;
    mode_ = std::move(mode);
    pulse_.emplace(control_, std::move(shards), [this](const shard::Pulse::Sums& sums) { tell(sums); });
    notify("READY=1");
    beat();
}

void Herald::beat() {
    // First the next beat: this one may find no memory.
    timer_.expires_after(pause_);
    timer_.async_wait([this](const boost::system::error_code& stopped) {
        if (!stopped) beat();
    });
    pulse_->beat();
}

void Herald::tell(const shard::Pulse::Sums& sums) {
    notify(fmt::format("{}STATUS={} flows, {} half-closed, {} resets; {}", watched_ ? "WATCHDOG=1\n" : "",
                       sums.flows, sums.half_closed, sums.resets, mode_()));
}

void Herald::reloading() {
    notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_microseconds()));
}

void Herald::reloaded() {
    notify("READY=1");
}

void Herald::stopping() {
    timer_.cancel();
    notify("STOPPING=1\nSTATUS=stopping");
}

}  // namespace finwait::daemon
