// Every order of up to two data segments and both FINs, with every combination of up to two faults. Nothing
// is random: what holds here holds for each of them.
#pragma once

#include "lives.hpp"

namespace finwait::sim {

/// How the events of a schedule follow one another.
enum class Pace : std::uint8_t {
    at_once,  // all in one burst: segments cross, and FINs ride on data
    settled,  // each after the one before has been acknowledged
};

/// Lives every schedule; stops after `stop_after` violations.
[[nodiscard]] Lives live_every_schedule(bool selective, Pace pace, std::size_t stop_after = 1);

}  // namespace finwait::sim
