// Where metrics and the status page are served, and under which names: text to values.
#pragma once

#include "tcp/address.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace finwait::config {

/// An address with a port, or the path of a Unix socket.
using Place = std::variant<tcp::Endpoint, std::string>;

/// Reads "127.0.0.1:9652", "[::1]:9652" or "unix:/run/finwaitd/metrics.sock"; empty when it is none of them.
[[nodiscard]] std::optional<Place> parse_listen(std::string_view text);

/// Reads host names with commas between them, at most 32; empty when one of them is none.
[[nodiscard]] std::optional<std::vector<std::string>> parse_names(std::string_view text);

}  // namespace finwait::config
