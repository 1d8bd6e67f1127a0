// The kinds of messages in the log. Each has a name and a 128-bit id (MESSAGE_ID of the journal,
// sd-id128(3)), which never change: operators search and alert by them, as in journalctl
// MESSAGE_ID=e0722a8304774bd9ae6b996b7c53132d. Those of the engine's events stand in event_kinds.cpp, the
// daemon's own here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace finwait::observe {

/// How the journal names a message.
struct MessageKind {
    std::string_view name;  // FINWAITD_EVENT
    std::string_view id;    // MESSAGE_ID
};

/// What the daemon logs that is no event of an engine.
enum class Message : std::uint8_t {
    started,
    stopping,
    reloaded,
    reload_rejected,
    policy_resumed,
    kill_requested,
    request_refused,
    lines_left_out,
    audit_failing,
    rules_missing,
    rules_restored,
};

inline constexpr std::size_t kMessages = static_cast<std::size_t>(Message::rules_restored) + 1;

[[nodiscard]] const MessageKind& kind(Message message);

}  // namespace finwait::observe
