// Lines that are broken at blanks to fit.
#pragma once

#include <string>
#include <vector>

namespace finwait::ctl::top {

/// With `hang` the rest of a line stands two columns further in than its beginning.
[[nodiscard]] std::vector<std::string> wrapped(std::string line, std::size_t width, bool hang = true);

}  // namespace finwait::ctl::top
