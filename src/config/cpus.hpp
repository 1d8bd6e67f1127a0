// A list of CPUs as taskset(1) writes it: "0-3,6".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace finwait::config {

/// In the order of the text; none for "". Nothing when it is no such list, or a number is above 1023.
[[nodiscard]] std::optional<std::vector<std::uint16_t>> parse_cpus(std::string_view text);

}  // namespace finwait::config
