// bench_half_closed: many real connections whose clients close while their servers never will, and when each
// end got its RST. Steered by lines on its standard input; each is answered by one line of JSON.
//
//   open N                     connections through the gateway
//   shut SECONDS               the clients close them one by one, evenly over this time
//   report TIMEOUT SECONDS     waits for the RSTs, for SECONDS at most; TIMEOUT: fin_wait_2, in seconds
//
// A process may have only so many descriptors: workers hold the connections. The parent watches both wires.
#include "load/tap.hpp"
#include "load/worker.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <netinet/in.h>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <unordered_map>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace {

using namespace finwait::bench;
using nlohmann::json;

constexpr std::uint32_t kPerWorker = 8000;  // two descriptors each
constexpr std::uint16_t kFirstPort = 7000;

/// What was seen of one connection.
struct Seen {
    std::int64_t closed = 0;              // the client got the acknowledgment of its FIN
    std::array<std::int64_t, 2> reset{};  // when the client, and the server, got the first RST
};

class Storm {
  public:
    explicit Storm(Plan plan) : plan_(std::move(plan)) {}

    json open(std::uint32_t connections) {
        std::uint16_t port = kFirstPort;
        for (std::uint32_t left = connections; left > 0;) {
            const std::uint32_t some = std::min(left, kPerWorker);
            start_worker(port++, some);
            left -= some;
        }
        const std::int64_t begun = realtime();
        for (const int worker :
             workers_)  // one after the other: together they would overflow what waits for the gateway
            tell(worker, {'o', 0, 0}), hear(worker);
        return {{"connections", connections}, {"seconds", static_cast<double>(realtime() - begun) / 1e9}};
    }

    json shut(double seconds) {
        taps_[0] = make_tap(plan_.client);
        taps_[1] = make_tap(plan_.server);
        const std::int64_t begun = realtime();
        for (const int worker : workers_)
            tell(worker, {'s', begun + 10'000'000, seconds});
        for (const int worker : workers_)
            hear(worker);
        return {{"seconds", static_cast<double>(realtime() - begun) / 1e9}};
    }

    json report(double timeout, double seconds) {
        const std::int64_t end = realtime() + static_cast<std::int64_t>(seconds * 1e9);
        while (realtime() < end && !complete()) {
            sleep_until(realtime() + 100'000'000);
            read_taps();
        }
        read_taps();
        return summary(static_cast<std::int64_t>(timeout * 1e9));
    }

  private:
    void start_worker(std::uint16_t port, std::uint32_t count) {
        std::array<int, 2> ends{};
        require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0, "a socket pair");
        const pid_t pid = fork();
        require(pid >= 0, "a worker");
        if (pid == 0) {
            for (const int other : workers_)
                close(other);
            close(ends[0]);
            Worker(plan_, port, count).serve(ends[1]);
        }
        close(ends[1]);
        workers_.push_back(ends[0]);
    }

    static void tell(int worker, const Order& order) {
        require(write(worker, &order, sizeof order) == sizeof order, "telling a worker");
    }

    static void hear(int worker) {
        char done = 0;
        require(read(worker, &done, 1) == 1, "a worker has failed");
    }

    std::unique_ptr<Tap> make_tap(const std::string& name) const {
        const Entered there(name);
        return std::make_unique<Tap>("to-gateway", Network{0x0A630000U, 0xFFFF0000U}, 512);
    }

    void read_taps() {
        for (std::size_t end = 0; end < 2; ++end)
            taps_[end]->read([&](std::span<const std::uint8_t> p, std::int64_t at) { note(end, p, at); });
    }

    void note(std::size_t end, std::span<const std::uint8_t> p, std::int64_t at) {
        if (p.size() < 40 || p[9] != IPPROTO_TCP) return;
        const auto word = [&](std::size_t i) { return std::uint64_t{p[i]} << 8U | p[i + 1]; };
        // Named by the client's address and both ports; what reaches the server has them the other way round.
        const bool to_client = end == 0;
        const std::size_t host = to_client ? 16 : 12;
        const std::uint64_t source = word(20), destination = word(22);
        const std::uint64_t key = (word(host) << 48U) | (word(host + 2) << 32U) |
                                  ((to_client ? destination : source) << 16U) |
                                  (to_client ? source : destination);
        Seen& seen = seen_[key];
        const bool rst = (p[33] & 4U) != 0;
        if (!rst && to_client && seen.closed == 0) seen.closed = at;
        if (rst && seen.reset[end] == 0) {
            seen.reset[end] = at;
            ++resets_;
        }
    }

    [[nodiscard]] bool complete() const { return !seen_.empty() && resets_ >= 2 * seen_.size(); }

    [[nodiscard]] json summary(std::int64_t timeout) const {
        std::vector<double> late;
        std::int64_t first_due = INT64_MAX, last_due = 0, first = INT64_MAX, last = 0;
        for (const auto& [key, seen] : seen_) {
            if (seen.closed == 0) continue;
            first_due = std::min(first_due, seen.closed + timeout);
            last_due = std::max(last_due, seen.closed + timeout);
            if (seen.reset[0] == 0 || seen.reset[1] == 0) continue;
            const auto [one, other] = std::minmax(seen.reset[0], seen.reset[1]);
            late.push_back(static_cast<double>(other - seen.closed - timeout) / 1e6);
            first = std::min(first, one);
            last = std::max(last, other);
        }
        std::sort(late.begin(), late.end());
        const auto quantile = [&](double q) {
            return late.empty()
                       ? json()
                       : json(late[static_cast<std::size_t>(q * static_cast<double>(late.size() - 1))]);
        };
        const auto seconds = [](std::int64_t t) { return static_cast<double>(t) / 1e9; };
        return {{"closed", seen_.size()},        {"reset", late.size()},
                {"late_ms_p50", quantile(0.5)},  {"late_ms_p99", quantile(0.99)},
                {"late_ms_max", quantile(1)},    {"first_due", seconds(first_due)},
                {"last_due", seconds(last_due)}, {"first_reset", seconds(first)},
                {"last_reset", seconds(last)},   {"unseen", taps_[0]->lost() + taps_[1]->lost()}};
    }

    Plan plan_;
    std::vector<int> workers_;
    std::array<std::unique_ptr<Tap>, 2> taps_;  // at the client, at the server
    std::unordered_map<std::uint64_t, Seen> seen_;
    std::size_t resets_ = 0;
};

json perform(Storm& storm, const std::string& line) {
    std::istringstream in(line);
    std::string command;
    double first = 0, second = 0;
    in >> command >> first;
    if (command == "open") return storm.open(static_cast<std::uint32_t>(first));
    if (command == "shut") return storm.shut(first);
    if (command == "report" && in >> second) return storm.report(first, second);
    return {{"error", "no such command: " + line}};
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Half-closed connections in great number; commands come by standard input");
    Plan plan;
    app.add_option("--client", plan.client, "the clients' namespace")->required();
    app.add_option("--server", plan.server, "the server's namespace")->required();
    app.add_option("--destination", plan.destination, "the server's address")->required();
    app.add_option("--source", plan.sources, "the clients' addresses")->required();
    CLI11_PARSE(app, argc, argv);
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    std::signal(SIGCHLD, SIG_IGN);
    Storm storm(std::move(plan));
    for (std::string line; std::getline(std::cin, line);)
        std::cout << perform(storm, line).dump() << std::endl;
}
