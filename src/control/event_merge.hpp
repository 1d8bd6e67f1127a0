// Puts the events of several feeds in the order in which they happened, a few of each at a time. A round
// covers what has happened up to one moment. Knows no thread and no socket: it says which feed must be read
// next.
#pragma once

#include "observe/feed.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace finwait::control {

class EventMerge {
  public:
    explicit EventMerge(std::size_t feeds) : sources_(feeds) {}

    /// Where feed `i` is to be read from.
    [[nodiscard]] std::uint64_t cursor(std::size_t i) const { return sources_[i].cursor; }
    void start_at(std::size_t i, std::uint64_t cursor) { sources_[i].cursor = cursor; }

    /// Everything is to be read again up to a later moment.
    void begin_round();
    /// The feed that must be read before next() can tell what comes next; empty when none must.
    [[nodiscard]] std::optional<std::size_t> wants() const;
    void put(std::size_t i, observe::Excerpt excerpt);
    /// The next event, or nothing when the round is over.
    [[nodiscard]] const observe::Told* next();
    /// Events that were written over before they could be read, since it was last asked.
    [[nodiscard]] std::uint64_t take_missed();

  private:
    struct Source {
        std::uint64_t cursor = 0;
        std::vector<observe::Told> told;
        std::size_t taken = 0;
        bool read_out = true;

        [[nodiscard]] bool empty() const { return taken == told.size(); }
    };

    std::vector<Source> sources_;
    std::uint64_t missed_ = 0;
};

}  // namespace finwait::control
