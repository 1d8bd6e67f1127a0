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
    probe,    // ask both sides, and end the flow only on evidence
    reset,    // send the RST pair
    observe,  // only record that it would have been reset
};

/// How to find out that the closer's application has closed both ways, so that nobody will read any more.
enum class OrphanTest : std::uint8_t {
    passive,  // by the IPv4 id of its answers: 0 from Linux's time-wait record, counting from a socket
    active,   // also by an RST that is in the window but not exact: a socket survives it, a record does not
    off,
};

/// Which side of a flow gets an RST.
enum class ResetSides : std::uint8_t { both, closer, holder };

[[nodiscard]] constexpr std::string_view name(OnExpiry v) {
    return v == OnExpiry::probe ? "probe" : v == OnExpiry::reset ? "reset" : "observe";
}
[[nodiscard]] constexpr std::string_view name(OrphanTest v) {
    return v == OrphanTest::passive ? "passive" : v == OrphanTest::active ? "active" : "off";
}
[[nodiscard]] constexpr std::string_view name(ResetSides v) {
    return v == ResetSides::both ? "both" : v == ResetSides::closer ? "closer" : "holder";
}

struct Timeouts {
    Duration handshake =
        std::chrono::minutes(3);  // since the last SYN (RFC 9293 section 3.8.3: three minutes)
    Duration established = std::chrono::hours(24 * 5);  // forgotten after this much silence; nothing is sent
    Duration fin_wait_1 = std::chrono::minutes(4);      // FIN sent, not acknowledged (RFC 5382 REQ-5)
    Duration fin_wait_2 = std::chrono::minutes(5);      // half-closed and idle this long: act
    Duration fin_wait_2_max = kOff;                     // half-closed this long, idle or not: act
    Duration closing = std::chrono::minutes(4);         // CLOSING, LAST_ACK (RFC 5382 REQ-5)
    Duration time_wait = std::chrono::seconds(60);      // Linux keeps TIME_WAIT this long
    OnExpiry on_expiry = OnExpiry::probe;
    Duration probe_interval = std::chrono::seconds(15);  // between two probes of a side; at least 1 s
    std::uint8_t probe_attempts = 5;                 // unanswered probes that count as silence; at least 3
    Duration alive_max = std::chrono::minutes(124);  // both answer, no progress this long: reset (RFC 5382)
    OrphanTest orphan_test = OrphanTest::passive;
    ResetSides reset = ResetSides::both;

    friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

}  // namespace finwait::policy
