// The most recent events of one thread, for whoever wants to read along. Only that thread touches it, so
// nothing is locked; it never waits for a reader, but writes over the oldest event, and each reader is told
// how many it has missed. An event becomes text only when somebody reads it.
#pragma once

#include "observe/audit_json.hpp"
#include "tcp/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace finwait::observe {

/// Of a flow, with the name of the policy that was in force.
struct FlowEvent {
    engine::Event event;
    std::string policy;
};

/// Of no flow, or of what was asked for: text already.
struct LineEvent {
    std::string_view type;  // static text
    std::string line;
    std::optional<engine::FlowId> flow = {};  // the one that it was asked for
};

struct Told {
    Instant when;  // puts the events of several threads in order; no clock change does
    WallClock::time_point at;
    std::variant<FlowEvent, LineEvent> what;
};

/// What lies from one event on.
struct Excerpt {
    std::vector<Told> told;
    std::uint64_t missed = 0;  // before the first of them: written over
    std::uint64_t next = 0;    // where to go on
    bool more = false;         // there is more by now
};

class Feed {
  public:
    static constexpr std::size_t kCapacity = 4096;

    explicit Feed(std::size_t capacity = kCapacity);

    void note(Instant when, const engine::Event& event, std::string_view policy);
    void note(Instant when, std::string_view type, std::string line, std::optional<engine::FlowId> flow = {});

    /// Up to `most` events from the number `from` on, none of them later than `until`.
    [[nodiscard]] Excerpt read(std::uint64_t from, Instant until, std::size_t most) const;
    /// The number of the event after the last one.
    [[nodiscard]] std::uint64_t end() const { return end_; }

  private:
    [[nodiscard]] Told& slot();

    std::size_t capacity_;
    std::vector<Told> ring_;
    std::uint64_t end_ = 0;
};

[[nodiscard]] std::string_view type_of(const Told& told);
/// The flow that an event is about, if it is about one.
[[nodiscard]] std::optional<engine::FlowId> flow_of(const Told& told);
/// One line of JSON, without its newline.
[[nodiscard]] std::string line_of(const Told& told);
/// The line that stands for events that a reader has missed.
[[nodiscard]] std::string missed_line(WallClock::time_point at, std::uint64_t events);

}  // namespace finwait::observe
