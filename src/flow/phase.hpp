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

/// How the last attempt to end a flow came out.
enum class Outcome : std::uint8_t { none, confirmed, unconfirmed, refused };

inline constexpr std::array<std::string_view, 4> kOutcomeNames = {"none", "confirmed", "unconfirmed",
                                                                  "refused"};

[[nodiscard]] constexpr std::string_view name(Outcome o) {
    return kOutcomeNames[static_cast<std::size_t>(o)];
}

}  // namespace finwait::flow
