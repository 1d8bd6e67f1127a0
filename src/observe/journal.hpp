// What the daemon says of flows in its log: one line for an event, at a bounded rate. What exceeds it is
// counted and told later; a slow reader of the log never delays a packet.
#pragma once

#include "engine/action.hpp"
#include "observe/line.hpp"
#include "tcp/time.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include <spdlog/logger.h>

namespace finwait::observe {

/// One line for people: what happened, to which flow, why.
[[nodiscard]] std::string describe(const engine::Event& event, const std::string& policy);

/// The same with the fields FINWAITD_FLOW, _CLIENT, _SERVER, _POLICY, _REASON and, where it has one, _CLOSER
/// and _SIDE.
[[nodiscard]] Line line_of(const engine::Event& event, const std::string& policy);

/// Shared by all shards.
class Journal {
  public:
    static constexpr std::uint32_t kLinesPerSecond = 50;
    /// At level debug: every step of a few hundred flows.
    static constexpr std::uint32_t kDebugLinesPerSecond = 5000;

    explicit Journal(std::shared_ptr<spdlog::logger> logger) : logger_(std::move(logger)) {}

    /// Resets are told at level info, what the tracker sees at level debug.
    void note(Instant now, const engine::Event& event, const std::string& policy);
    /// What others can have logged as often as they like.
    void note(Instant now, spdlog::level::level_enum level, const Line& line);

  private:
    void tell_of_stop(const engine::Event& event, const std::string& policy);
    [[nodiscard]] bool admit(Instant now);

    std::shared_ptr<spdlog::logger> logger_;
    std::mutex mutex_;
    Instant second_;
    std::uint32_t lines_ = 0;
    std::uint64_t suppressed_ = 0;
};

}  // namespace finwait::observe
