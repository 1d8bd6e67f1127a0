// The first so many flows by some order, kept while all of them pass by: what a screen shows of a million
// flows, in the memory of a screenful.
#pragma once

#include "engine/report.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::control {

class Best {
  public:
    /// `key` is one of sort_keys().
    Best(std::string_view key, bool descending, std::size_t limit);

    /// Keeps a copy, if it is among the first by now.
    void offer(const engine::FlowReport& flow);
    /// How many were offered.
    [[nodiscard]] std::size_t offered() const { return offered_; }
    /// Those kept, in order; they live as long as this. Nothing may be offered afterwards.
    [[nodiscard]] std::vector<const engine::FlowReport*> sorted();

    /// Comparable in three words, so that nothing is allocated for each flow that passes by.
    struct Rank {
        bool unknown = false;  // comes last, in either order
        std::array<std::uint64_t, 3> words{};
    };

  private:
    struct Kept {
        Rank rank;
        engine::FlowReport flow;
        std::string policy;  // its report only points to it
    };

    [[nodiscard]] bool before(const Rank& a, engine::FlowId a_id, const Rank& b, engine::FlowId b_id) const;

    Rank (*rank_)(const engine::FlowReport&);
    bool descending_;
    std::size_t limit_;
    std::size_t offered_ = 0;
    std::vector<Kept> heap_;  // the last one of them on top
};

}  // namespace finwait::control
