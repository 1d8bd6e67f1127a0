// What happened within the last hour, ten seconds a step: for a chart of someone who has just opened the
// page.
#pragma once

#include "engine/report.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace finwait::web {

class History {
  public:
    static constexpr std::chrono::seconds kStep{10};
    static constexpr std::size_t kSteps = 360;

    /// How the counters stand a step after the last one.
    void add(const engine::Counters& counters);

    /// {"step_s":10,"steps":[[probes,confirmed,unconfirmed,refused],…]}, the oldest step first: probes sent,
    /// and flows that were reset, by outcome. The last one is under way: `now` is how the counters stand.
    [[nodiscard]] std::string json(const engine::Counters& now) const;

  private:
    using Counts = std::array<std::uint64_t, 4>;
    [[nodiscard]] static Counts counts_of(const engine::Counters& counters);

    std::array<Counts, kSteps> steps_{};
    std::size_t added_ = 0;  // steps, ever
    bool begun_ = false;
    Counts last_{};
};

}  // namespace finwait::web
