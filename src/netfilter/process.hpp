// Runs one of the system's tools (nft, iptables) and waits for its end: no shell, a fixed environment,
// bounded output, a time limit. Knows nothing of rules.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::netfilter {

struct ToolResult {
    /// Exit status; empty when the tool could not be started, was killed, or ran out of time.
    std::optional<int> status;
    std::string output;  // the first 16 MiB
    std::string errors;  // the first 4 KiB of stderr, or why there is no status

    bool cut = false;  // there was more output

    [[nodiscard]] bool ok() const { return status == 0; }
};

/// The absolute path of a tool in the system's usual directories; PATH is not asked, for it may be anyone's.
[[nodiscard]] std::optional<std::string> find_tool(std::string_view name);

/// Runs `command[0]`, an absolute path, with `input` on its standard input.
[[nodiscard]] ToolResult run_tool(const std::vector<std::string>& command, std::string_view input,
                                  std::chrono::milliseconds limit = std::chrono::seconds(10));

}  // namespace finwait::netfilter
