#include "load/worker.hpp"

#include "load/namespace.hpp"
#include "load/tap.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace finwait::bench {
namespace {

constexpr std::uint32_t kAtOnce = 64;

sockaddr_in address(const std::string& text, std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    require(inet_pton(AF_INET, text.c_str(), &a.sin_addr) == 1, text);
    return a;
}

}  // namespace

void Worker::serve(int channel) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (Order order; read(channel, &order, sizeof order) == sizeof order;) {
        if (order.what == 'o') open_all();
        if (order.what == 's') shut_all(order);
        require(write(channel, "d", 1) == 1, "answering");
    }
    _exit(0);
}

void Worker::open_all() {
    int listening = -1;
    {
        const Entered there(plan_.server);
        listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    const sockaddr_in to = address(plan_.destination, port_);
    const timeval patience{20, 0};
    require(setsockopt(listening, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0, "SO_RCVTIMEO");
    require(bind(listening, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0, "binding");
    require(listen(listening, kAtOnce * 2) == 0, "listening");
    const Entered there(plan_.client);
    while (clients_.size() < count_) {
        const std::uint32_t some =
            std::min<std::uint32_t>(kAtOnce, count_ - static_cast<std::uint32_t>(clients_.size()));
        for (std::uint32_t i = 0; i < some; ++i)
            clients_.push_back(connect_one(to));
        for (std::uint32_t i = 0; i < some; ++i)
            require(accept4(listening, nullptr, nullptr, SOCK_CLOEXEC) >= 0, "accepting");
    }
    close(listening);
}

int Worker::connect_one(const sockaddr_in& to) const {
    constexpr int kBindAddressNoPort = 24;
    const int on = 1;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const sockaddr_in from = address(plan_.sources[clients_.size() % plan_.sources.size()], 0);
    require(fd >= 0, "a socket");
    require(setsockopt(fd, IPPROTO_IP, kBindAddressNoPort, &on, sizeof on) == 0, "IP_BIND_ADDRESS_NO_PORT");
    require(bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0, "binding to a source");
    require(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 || errno == EINPROGRESS,
            "connecting");
    return fd;
}

void Worker::shut_all(const Order& order) {
    const double gap = order.seconds * 1e9 / static_cast<double>(clients_.size());
    for (std::size_t i = 0; i < clients_.size(); ++i) {
        sleep_until(order.start + static_cast<std::int64_t>(gap * static_cast<double>(i)));
        require(shutdown(clients_[i], SHUT_WR) == 0, "shutting down");
    }
}

}  // namespace finwait::bench
