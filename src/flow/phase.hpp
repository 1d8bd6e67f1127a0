// Where a half-closed flow stands with the reaper. Flows in any other state are `watching`.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace finwait::flow {

enum class Phase : std::uint8_t { watching, probing, resetting, confirming, gone };

inline constexpr std::array<std::string_view, 5> kPhaseNames = {"watching", "probing", "resetting",
                                                                "confirming", "gone"};

[[nodiscard]] constexpr std::string_view name(Phase p) {
    return kPhaseNames[static_cast<std::size_t>(p)];
}

/// What an inquiry is to find out.
enum class Purpose : std::uint8_t {
    liveness,  // whether both sides are still there
    position,  // where they stand: no RST is exact before that is known
};

/// Why an inquiry was begun when it was.
enum class Occasion : std::uint8_t {
    due,      // the flow's time is up
    crowded,  // its source holds too many half-closed flows: only an answer proves anything
    gap,      // segments have passed unseen
    report,   // only conntrack has told that the flow is half-closed
};

/// Why a flow is being ended.
enum class Cause : std::uint8_t {
    none,
    idle,            // no progress for fin_wait_2, and the policy resets without asking
    too_long,        // half-closed for fin_wait_2_max, in use or not
    alive_too_long,  // both sides are there, and there has been no progress for alive_max
    requested,       // by an operator
    evidence,        // what its sides answered, or that they did not
};

/// A timeout has run out, and nothing shows that the connection is over.
[[nodiscard]] constexpr bool by_clock(Cause c) {
    return c == Cause::idle || c == Cause::too_long || c == Cause::alive_too_long;
}

/// What the forward hook shows of the flow is not enough to send anything for it.
enum class Ambiguity : std::uint8_t {
    none,
    numbers,  // this machine changes its sequence numbers after they were seen there (SYNPROXY, NAT helpers)
    ends,     // another connection has the same two ends there, and NAT tells the two apart only behind it
};

/// How the last attempt to end a flow came out.
enum class Outcome : std::uint8_t { none, confirmed, unconfirmed, refused };

inline constexpr std::array<std::string_view, 4> kOutcomeNames = {"none", "confirmed", "unconfirmed",
                                                                  "refused"};

[[nodiscard]] constexpr std::string_view name(Outcome o) {
    return kOutcomeNames[static_cast<std::size_t>(o)];
}

}  // namespace finwait::flow
