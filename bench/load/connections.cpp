// bench_connections: short connections, one question and one answer each, over many pairs of addresses; the
// server closes first, as HTTP/1.0's did. One thread at each end, started in its network namespace:
//
//   bench_connections server --port P
//   bench_connections client --port P --source A... --destination B... --seconds S
//
// The client prints a line of JSON: how many were completed per second, and how many failed.
#include "load/namespace.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <netinet/in.h>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

namespace {

using finwait::bench::require;
using Clock = std::chrono::steady_clock;

constexpr int kEvents = 256;
constexpr std::array<char, 64> kMessage{'x'};

sockaddr_in address(const std::string& text, std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    require(inet_pton(AF_INET, text.c_str(), &a.sin_addr) == 1, text);
    return a;
}

int tcp_socket() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    require(fd >= 0, "a socket");
    return fd;
}

void watch(int poll, int fd, std::uint32_t events, int operation = EPOLL_CTL_ADD) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    require(epoll_ctl(poll, operation, fd, &event) == 0, "epoll");
}

[[noreturn]] void serve(std::uint16_t port) {
    const int listening = tcp_socket();
    const sockaddr_in any = address("0.0.0.0", port);
    const int on = 1;
    require(setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0, "SO_REUSEADDR");
    require(bind(listening, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0, "binding");
    require(listen(listening, 8192) == 0, "listening");
    const int poll = epoll_create1(EPOLL_CLOEXEC);
    watch(poll, listening, EPOLLIN);
    std::puts("ready");
    std::fflush(stdout);
    std::array<epoll_event, kEvents> events;
    std::array<char, 256> question;
    for (;;) {
        const int n = epoll_wait(poll, events.data(), kEvents, -1);
        for (int i = 0; i < n; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd == listening) {
                for (int one;
                     (one = accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;)
                    watch(poll, one, EPOLLIN);
                continue;
            }
            if (read(fd, question.data(), question.size()) > 0)
                (void)send(fd, kMessage.data(), kMessage.size(), MSG_NOSIGNAL);
            close(fd);
        }
    }
}

struct Plan {
    std::uint16_t port = 0;
    std::vector<std::string> sources, destinations;
    double seconds = 3, warm_up = 0.3;
    unsigned at_once = 256;
};

class Client {
  public:
    explicit Client(const Plan& plan) : plan_(plan), poll_(epoll_create1(EPOLL_CLOEXEC)) {
        for (const std::string& s : plan.sources)
            sources_.push_back(address(s, 0));
        for (const std::string& d : plan.destinations)
            destinations_.push_back(address(d, plan.port));
    }

    void run() {
        for (unsigned i = 0; i < plan_.at_once; ++i)
            begin();
        const auto start = Clock::now();
        spend(start, plan_.warm_up);
        const auto warm = Clock::now();
        completed_ = failed_ = 0;
        spend(warm, plan_.seconds);
        const double took = std::chrono::duration<double>(Clock::now() - warm).count();
        std::printf("{\"per_second\": %.1f, \"completed\": %llu, \"failed\": %llu}\n",
                    static_cast<double>(completed_) / took, completed_, failed_);
    }

  private:
    /// Each source has its own destination, so that many pairs of addresses are in use at once.
    void begin() {
        constexpr int kBindAddressNoPort =
            24;  // IP_BIND_ADDRESS_NO_PORT: the port is chosen when the peer is known
        const int on = 1;
        const int fd = tcp_socket();
        const sockaddr_in& from = sources_[begun_ % sources_.size()];
        const sockaddr_in& to = destinations_[begun_ % sources_.size() % destinations_.size()];
        ++begun_;
        require(setsockopt(fd, IPPROTO_IP, kBindAddressNoPort, &on, sizeof on) == 0,
                "IP_BIND_ADDRESS_NO_PORT");
        require(bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0, "binding to a source");
        if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS)
            return end(fd, false);
        answered(fd) = false;
        watch(poll_, fd, EPOLLOUT);
    }

    void end(int fd, bool good) {
        close(fd);
        ++(good ? completed_ : failed_);
        ++to_begin_;
    }

    /// Whether this connection has had its answer; told by the descriptor.
    std::vector<bool>::reference answered(int fd) {
        const auto i = static_cast<std::size_t>(fd);
        if (i >= answered_.size()) answered_.resize(i + 1);
        return answered_[i];
    }

    void on_event(const epoll_event& event) {
        const int fd = event.data.fd;
        std::array<char, 256> answer;
        if ((event.events & EPOLLOUT) != 0) {
            if (send(fd, kMessage.data(), kMessage.size(), MSG_NOSIGNAL) < 0) return end(fd, false);
            return watch(poll_, fd, EPOLLIN, EPOLL_CTL_MOD);
        }
        ssize_t n = 0;
        while ((n = read(fd, answer.data(), answer.size())) > 0)
            answered(fd) = true;
        if (n < 0 && errno == EAGAIN) return;  // the FIN comes later
        end(fd, n == 0 && answered(fd));
    }

    void spend(Clock::time_point from, double seconds) {
        const auto until = from + std::chrono::duration<double>(seconds);
        std::array<epoll_event, kEvents> events;
        while (Clock::now() < until) {
            const int n = epoll_wait(poll_, events.data(), kEvents, 50);
            for (int i = 0; i < n; ++i)
                on_event(events[static_cast<std::size_t>(i)]);
            for (std::size_t more = std::exchange(to_begin_, 0); more > 0; --more)
                begin();
        }
    }

    Plan plan_;
    int poll_;
    std::vector<sockaddr_in> sources_, destinations_;
    std::size_t begun_ = 0;
    std::size_t to_begin_ = 0;
    unsigned long long completed_ = 0, failed_ = 0;
    std::vector<bool> answered_;
};

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Short connections: a server, or a client that counts them");
    app.require_subcommand(1);
    Plan plan;
    CLI::App* server = app.add_subcommand("server");
    CLI::App* client = app.add_subcommand("client");
    for (CLI::App* command : {server, client})
        command->add_option("--port", plan.port)->required();
    client->add_option("--source", plan.sources)->required();
    client->add_option("--destination", plan.destinations)->required();
    client->add_option("--seconds", plan.seconds);
    client->add_option("--at-once", plan.at_once);
    CLI11_PARSE(app, argc, argv);
    if (server->parsed()) serve(plan.port);
    Client(plan).run();
}
