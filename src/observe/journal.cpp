#include "observe/journal.hpp"

#include "observe/event_kinds.hpp"
#include "policy/filter.hpp"

#include <fmt/format.h>

namespace finwait::observe {

namespace {

std::string seconds(Duration d) {
    return policy::duration_text(std::chrono::duration_cast<std::chrono::milliseconds>(d) / 100 * 100);
}

}  // namespace

std::string describe(const engine::Event& e, const std::string& policy) {
    std::string line = "flow " + e.id.text() + " " + e.client.text() + " -> " + e.server.text() + " " +
                       std::string(kind(e.type).text) + ": " + std::string(e.reason);
    line += " (";
    if (e.side) line += "side " + std::string(tcp::name(*e.side)) + ", ";
    if (e.closer) line += "closer " + std::string(tcp::name(*e.closer)) + ", ";
    return line + "age " + seconds(e.age) + ", idle " + seconds(e.idle) + ", policy " + policy + ")";
}

Line line_of(const engine::Event& e, const std::string& policy) {
    Line line(kind(e.type).message, describe(e, policy));
    line.with("FINWAITD_FLOW", e.id.text())
        .with("FINWAITD_CLIENT", e.client.text())
        .with("FINWAITD_SERVER", e.server.text())
        .with("FINWAITD_POLICY", policy)
        .with("FINWAITD_REASON", e.reason);
    if (e.closer) line.with("FINWAITD_CLOSER", tcp::name(*e.closer));
    if (e.side) line.with("FINWAITD_SIDE", tcp::name(*e.side));
    return line;
}

bool Journal::admit(Instant now) {
    const std::lock_guard lock(mutex_);
    if (now - second_ >= std::chrono::seconds(1)) {
        if (suppressed_ > 0)
            Line(Message::lines_left_out, fmt::format("{} more lines like these were left out", suppressed_))
                .log(*logger_, spdlog::level::info);
        second_ = now;
        lines_ = 0;
        suppressed_ = 0;
    }
    const bool debugging = logger_->should_log(spdlog::level::debug);
    if (lines_ < (debugging ? kDebugLinesPerSecond : kLinesPerSecond)) {
        ++lines_;
        return true;
    }
    ++suppressed_;
    return false;
}

void Journal::note(Instant now, const engine::Event& event, const std::string& policy) {
    if (event.type == engine::EventType::stopped) return tell_of_stop(event, policy);
    const auto level = kind(event.type).level;
    if (!logger_->should_log(level) || !admit(now)) return;
    line_of(event, policy).log(*logger_, level);
}

void Journal::note(Instant now, spdlog::level::level_enum level, const Line& line) {
    if (logger_->should_log(level) && admit(now)) line.log(*logger_, level);
}

void Journal::tell_of_stop(const engine::Event& event, const std::string& policy) {
    const EventKind& row = kind(event.type);
    Line(row.message,
         fmt::format(
             "policy {} is stopped: {} (limits.breaker_share); until \"finwaitctl policy --resume {}\" it "
             "ends only connections that a side proves to be over",
             policy, event.reason, policy))
        .with("FINWAITD_POLICY", policy)
        .with("FINWAITD_REASON", event.reason)
        .log(*logger_, row.level);
}

}  // namespace finwait::observe
