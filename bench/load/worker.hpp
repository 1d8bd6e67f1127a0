// A process that holds its share of the connections: both ends of each, which take two descriptors.
#pragma once

#include <cstdint>
#include <netinet/in.h>
#include <string>
#include <vector>

namespace finwait::bench {

struct Plan {
    std::string client, server, destination;
    std::vector<std::string> sources;
};

/// One command of the parent to its workers.
struct Order {
    char what = 0;  // 'o'pen or 's'hut
    std::int64_t start = 0;
    double seconds = 0;
};

class Worker {
  public:
    Worker(const Plan& plan, std::uint16_t port, std::uint32_t count)
        : plan_(plan), port_(port), count_(count) {}

    /// Obeys what comes by this socket until its other end is closed; answers each order by one byte.
    [[noreturn]] void serve(int channel);

  private:
    void open_all();
    [[nodiscard]] int connect_one(const sockaddr_in& to) const;
    void shut_all(const Order& order);

    const Plan& plan_;
    std::uint16_t port_;
    std::uint32_t count_;
    std::vector<int> clients_;  // the servers' ends are only kept open
};

}  // namespace finwait::bench
