// The kinds of events that the log tells of. Each has a name and a 128-bit id (MESSAGE_ID of the journal,
// sd-id128(3)), which never change: operators search and alert by them, as in
// journalctl MESSAGE_ID=e0722a8304774bd9ae6b996b7c53132d.
#pragma once

#include "engine/action.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace finwait::observe {

enum class Message : std::uint8_t {
    started,
    stopping,
    reloaded,
    reload_rejected,
    policy_stopped,
    policy_resumed,
    kill_requested,
    request_refused,
    lines_left_out,
    audit_failing,
    rules_missing,
    rules_restored,
    flow_half_closed,
    flow_asked,
    flow_asked_again,
    flow_near_miss,
    flow_answered,
    flow_silent,
    flow_left,
    flow_revived,
    flow_reset,
    flow_reset_again,
    flow_would_be_reset,
    flow_confirmed,
    flow_unconfirmed,
    flow_refused,
    flow_closed,
};

struct MessageKind {
    Message message;
    std::string_view name;  // FINWAITD_EVENT
    std::string_view id;    // MESSAGE_ID
};

/// The whole table, in the order of Message.
[[nodiscard]] std::span<const MessageKind> message_kinds();
[[nodiscard]] const MessageKind& kind(Message message);
[[nodiscard]] Message message_of(engine::EventType type);

}  // namespace finwait::observe
