// A list of CPUs as taskset(1) writes it: "0-3,6"; and how many queues there are where only CPUs are named.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::config {

/// In the order of the text; none for "". Nothing when it is no such list, or a number is above 1023.
[[nodiscard]] std::optional<std::vector<std::uint16_t>> parse_cpus(std::string_view text);

/// Of numbers in ascending order.
[[nodiscard]] std::string cpus_text(std::span<const std::uint16_t> cpus);

/// How many queues queues = 0 makes: one for each CPU of the list `cpus`, or of this machine where that is
/// empty; 1 to 256.
[[nodiscard]] std::uint16_t automatic_queues(std::string_view cpus);

}  // namespace finwait::config
