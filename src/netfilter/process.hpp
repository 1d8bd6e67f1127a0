// Runs one of the system's tools (nft, iptables) and waits for its end: no shell, a fixed environment,
// bounded output, a time limit. Knows nothing of rules.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::netfilter {

/// How long a number of tools may take together. It is shorter when somebody has asked to stop. For one
/// thread.
class ToolTime {
  public:
    using Clock = std::chrono::steady_clock;

    /// `stops` counts the requests to stop; from the moment on at which there are more than `tolerated`, the
    /// tools have no longer than `grace`. REQUIRES: `stops`, where given, outlives this object.
    explicit ToolTime(std::chrono::milliseconds most, const std::atomic<unsigned>* stops = nullptr,
                      unsigned tolerated = 0, std::chrono::milliseconds grace = {})
        : end_(Clock::now() + most), stops_(stops), tolerated_(tolerated), grace_(grace) {}

    [[nodiscard]] bool interrupted() const {
        return stops_ != nullptr && stops_->load(std::memory_order_relaxed) > tolerated_;
    }
    /// 0 when the time is over.
    [[nodiscard]] std::chrono::milliseconds left() const {
        const Clock::time_point now = Clock::now();
        if (!hurried_ && interrupted()) {
            hurried_ = true;
            end_ = std::min(end_, now + grace_);
        }
        return std::max(std::chrono::ceil<std::chrono::milliseconds>(end_ - now),
                        std::chrono::milliseconds(0));
    }

    /// A time for cleaning up after this one: one more request to stop ends it.
    [[nodiscard]] ToolTime to_clean_up(std::chrono::milliseconds most) const {
        return ToolTime(most, stops_, tolerated_ + 1, grace_);
    }

  private:
    mutable Clock::time_point end_;
    mutable bool hurried_ = false;
    const std::atomic<unsigned>* stops_;
    unsigned tolerated_;
    std::chrono::milliseconds grace_;
};

struct ToolResult {
    /// Exit status; empty when the tool could not be started, was killed, or ran out of time.
    std::optional<int> status;
    std::string output;  // the first 16 MiB
    std::string errors;  // the first 4 KiB of stderr, or why there is no status

    bool cut = false;  // there was more output

    [[nodiscard]] bool ok() const { return status == 0; }
    /// The kernel did not permit this user what the tool tried.
    [[nodiscard]] bool refused() const;
    /// The kernel lacks what the tool needs. Of a tool that lists rules: there are none by it.
    [[nodiscard]] bool unsupported() const;
};

/// Why nothing can be concluded from a tool's result: "nft needs root", "nft: did not end within 10000 ms".
/// Empty where the tool has answered, and also where it failed because the kernel lacks what it needs.
[[nodiscard]] std::optional<std::string> no_answer(std::string_view tool, const ToolResult& result);

/// Why a tool that was to list rules has not: "iptables-nft: Resource temporarily unavailable". Empty where
/// it has, and where the kernel lacks what it needs.
[[nodiscard]] std::optional<std::string> not_listed(std::string_view tool, const ToolResult& result);

/// The absolute path of a tool in the system's usual directories; PATH is not asked, for it may be anyone's.
[[nodiscard]] std::optional<std::string> find_tool(std::string_view name);

/// What one tool may take that waits for nobody.
inline constexpr std::chrono::milliseconds kToolLimit = std::chrono::seconds(10);

/// Runs `command[0]`, an absolute path, with `input` on its standard input. A tool that takes longer than
/// `limit`, or than `time` allows, is killed with all processes that it has started.
[[nodiscard]] ToolResult run_tool(const std::vector<std::string>& command, std::string_view input,
                                  const ToolTime& time, std::chrono::milliseconds limit = kToolLimit);
[[nodiscard]] ToolResult run_tool(const std::vector<std::string>& command, std::string_view input,
                                  std::chrono::milliseconds limit = kToolLimit);

}  // namespace finwait::netfilter
