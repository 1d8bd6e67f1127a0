// Whether every shard still does what it is asked to: each is asked for its sums, on its own thread and
// behind whatever it is busy with, and only when all have answered does the beat count.
#pragma once

#include "shard/handle.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace finwait::shard {

class Pulse {
  public:
    struct Sums {
        std::uint64_t flows = 0;
        std::uint64_t half_closed = 0;
        std::uint64_t resets = 0;  // flows that were reset, however that came out
    };

    /// `beaten` is called on the thread that runs `control`, which must run no longer than this lives.
    Pulse(boost::asio::io_context& control, std::vector<Handle> shards,
          std::function<void(const Sums&)> beaten)
        : control_(control), shards_(std::move(shards)), beaten_(std::move(beaten)) {}
    Pulse(const Pulse&) = delete;
    Pulse& operator=(const Pulse&) = delete;

    /// Asks all shards; nobody while one owes its last answer. On the control thread.
    void beat();

  private:
    void take(const Sums& one);

    boost::asio::io_context& control_;
    std::vector<Handle> shards_;
    std::function<void(const Sums&)> beaten_;
    std::size_t missing_ = 0;
    Sums sums_;
};

}  // namespace finwait::shard
