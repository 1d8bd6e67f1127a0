#include "stop_requests.hpp"

#include <csignal>

namespace finwait::daemon {

StopRequests::StopRequests() {
    for (const int number : {SIGTERM, SIGINT, SIGQUIT})
        signals_.add(number);
    wait();
    thread_ = std::thread([this] { io_.run(); });
}

StopRequests::~StopRequests() {
    io_.stop();
    thread_.join();
}

void StopRequests::wait() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
        if (error) return;
        ++count_;
        wait();
    });
}

/// SIGXFSZ: a file that has reached its limit is an error of write(2).
void ignore_unused_signals() {
    for (const int number : {SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR,
                             SIGSTKFLT, SIGXCPU, SIGXFSZ})
        std::signal(number, SIG_IGN);
    for (int number = SIGRTMIN; number <= SIGRTMAX; ++number)
        std::signal(number, SIG_IGN);
}

}  // namespace finwait::daemon
