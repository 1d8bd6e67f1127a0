// How long each stage of a connection may last, and what happens when a half-closed one has lasted too long.
#pragma once

#include "tcp/time.hpp"

#include <cstdint>
#include <string_view>

namespace finwait::policy {

/// "off": never.
inline constexpr Duration kOff = Duration::max();

/// What to do when a half-closed flow's time is up.
enum class OnExpiry : std::uint8_t {
    reset,    // send the RST pair
    observe,  // only record that it would have been reset
};

/// Which side of a flow gets an RST.
enum class ResetSides : std::uint8_t { both, closer, holder };

[[nodiscard]] constexpr std::string_view name(OnExpiry v) {
    return v == OnExpiry::reset ? "reset" : "observe";
}
[[nodiscard]] constexpr std::string_view name(ResetSides v) {
    return v == ResetSides::both ? "both" : v == ResetSides::closer ? "closer" : "holder";
}

struct Timeouts {
    Duration handshake = std::chrono::seconds(60);  // SYN seen, connection not established (RFC 5382 REQ-4)
    Duration established = std::chrono::hours(24 * 5);  // forgotten after this much silence; nothing is sent
    Duration fin_wait_1 = std::chrono::minutes(2);      // FIN sent, not acknowledged
    Duration fin_wait_2 = std::chrono::minutes(5);      // half-closed and idle this long: act
    Duration fin_wait_2_max = kOff;                     // half-closed this long, idle or not: act
    Duration closing = std::chrono::seconds(30);        // CLOSING, LAST_ACK
    Duration time_wait = std::chrono::seconds(60);      // Linux keeps TIME_WAIT this long
    OnExpiry on_expiry = OnExpiry::reset;
    ResetSides reset = ResetSides::both;

    friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

}  // namespace finwait::policy
