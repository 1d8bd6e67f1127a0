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

/// How the last attempt to end a flow came out.
enum class Outcome : std::uint8_t { none, confirmed, unconfirmed, refused };

inline constexpr std::array<std::string_view, 4> kOutcomeNames = {"none", "confirmed", "unconfirmed",
                                                                  "refused"};

[[nodiscard]] constexpr std::string_view name(Outcome o) {
    return kOutcomeNames[static_cast<std::size_t>(o)];
}

}  // namespace finwait::flow
