// What the daemon tells of each type of event: one row a type, from which the log, the journal's fields, the
// audit file and the event stream are all made. A new type of event is a new row here.
#pragma once

#include "engine/action.hpp"
#include "observe/message.hpp"

#include <span>
#include <string_view>
#include <vector>

#include <spdlog/common.h>

namespace finwait::observe {

struct EventKind {
    engine::EventType type;
    MessageKind message;              // in the journal
    spdlog::level::level_enum level;  // in the log
    std::string_view text;            // in the log: what has happened to the flow
    std::string_view event_type;      // in the audit file and in the event stream
    std::string_view member;          // there, too: "action" or "outcome"; "" where event_type says it all
    std::string_view word;            // that member's value
};

/// The whole table, in the order of engine::EventType.
[[nodiscard]] std::span<const EventKind> event_kinds();
/// The row of one type.
[[nodiscard]] const EventKind& kind(engine::EventType type);
/// Every event_type that the audit file and the event stream have, those of events of no flow last.
[[nodiscard]] const std::vector<std::string_view>& event_types();

}  // namespace finwait::observe
