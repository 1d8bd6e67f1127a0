// A flow at rest, in a few bytes: what must be remembered of an established connection until its first FIN.
// Most flows of a gateway are at rest most of the time. On the kernel's fast path their numbers are not known
// and take no room; otherwise they are kept beside it.
#pragma once

#include "flow/record.hpp"

#include <array>
#include <cstdint>

namespace finwait::flow {

inline constexpr std::uint32_t kNoNumbers = UINT32_MAX;

/// A record but for its key, generation and policy. Times are kept to the millisecond.
struct Compact {
    std::array<std::uint32_t, 2> iss;
    std::uint32_t losses;
    std::uint32_t numbers;              // where they are kept, or kNoNumbers
    std::array<std::uint16_t, 2> side;  // state and marks
    std::array<std::uint32_t, 3> time;  // opened, last_seen, last_progress: milliseconds, their lower half
    std::array<std::uint8_t, 3> time_above;
    std::uint8_t scales;
    std::array<std::uint16_t, 2> silent;  // how long before last_seen each side was heard
    std::uint8_t released;                // how long before last_seen it was put on the fast path: 16 ms
    std::uint8_t looks;
    std::uint8_t
        steps;  // taken by its sides, which ones is forgotten; and whether their windows are unscaled
    std::uint8_t marks;
};
static_assert(sizeof(Compact) == 44);

/// The sequence numbers and windows of both sides.
struct Numbers {
    std::array<std::uint32_t, 2> next;
    std::array<std::uint32_t, 2> ack;
    std::array<std::uint16_t, 2> window;
    std::array<std::uint16_t, 2> max_window;  // unscaled
};
static_assert(sizeof(Numbers) == 24);

/// Whether a compact form says all that matters of the record: it is established or about to be learnt, no
/// FIN, RST, pending SYN or shrunken window is remembered, and the reaper has no part in it.
[[nodiscard]] bool at_rest(const Record& record);

/// Whether its numbers are known, and must be kept too.
[[nodiscard]] bool has_numbers(const Record& record);

/// Of a record at rest; `numbers` says where they are kept, kNoNumbers if there are none.
[[nodiscard]] Compact compact(const Record& record, std::uint32_t numbers);
[[nodiscard]] Numbers numbers(const Record& record);
/// Overwrites all of `record` but its key, generation and policy; `numbers` is null where there are none.
/// What every segment brings anew, the IPv4 id, time to live, timestamp and mark, is not known, and the
/// largest window may come back larger, by less than its unit.
void expand(const Compact& compact, const Numbers* numbers, Record& record);

}  // namespace finwait::flow
