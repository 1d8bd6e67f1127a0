// How many flows keep a full record. Apart from table.hpp, so that whoever only sets it up does not depend on
// the record.
#pragma once

#include <cstdint>

namespace finwait::flow {

/// Flows that keep their full records after they were busy: a few megabytes.
inline constexpr std::uint32_t kAwake = 16'384;

}  // namespace finwait::flow
