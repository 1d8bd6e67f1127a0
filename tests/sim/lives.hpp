// Many lives, and the smallest form of one that fails.
#pragma once

#include "judge.hpp"
#include "life.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace finwait::sim {

struct Violation {
    Life life;  // reduced
    std::string what;
};

struct Lives {
    std::uint64_t lived = 0;
    Tally tally;
    std::vector<Violation> violations;
};

/// Leaves out whatever the violation does not need.
[[nodiscard]] Violation reduce(Life life);
/// Lives the seeds from `first` on; stops after `stop_after` violations.
[[nodiscard]] Lives live_many(std::uint64_t first, std::uint64_t count, bool selective,
                              std::size_t stop_after = 1);

}  // namespace finwait::sim
