// How sure a number of a side is, and how sure its FIN: one idea for whatever passes unseen. Which change
// each event makes is a table, in basis.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace finwait::tcp {

/// What a number rests on: SND.NXT, RCV.NXT or the timestamp of a side. Ordered: more is surer.
enum class Basis : std::uint8_t {
    unknown,  // nothing is known of it
    guessed,  // made up, or overtaken: only to be asked with, until its side is heard
    stale,    // heard, and segments may have passed unseen since
    heard,    // told by a segment, and none has passed unseen since
    proven,   // the same, and a bound: its side has sent nothing beyond it
};
inline constexpr std::size_t kBasisCount = 5;

/// A value is there, which segments can be held against.
[[nodiscard]] constexpr bool known(Basis b) {
    return b >= Basis::stale;
}
/// A value is there, or stands in for one, and its side must say whether it is right.
[[nodiscard]] constexpr bool doubtful(Basis b) {
    return b == Basis::guessed || b == Basis::stale;
}

/// What is known of a side's FIN.
enum class Fin : std::uint8_t {
    none,
    reported,   // conntrack says that it is sent and acknowledged; no segment has shown it
    alone,      // it passed while no number of either side was known: a claim until the peer acknowledges it
    unchecked,  // it passed and could not be checked wholly: the same
    matched,    // what passed alone has been acknowledged: the two fit each other, and perhaps nothing else
    sent,
    acked,  // the peer's acknowledgment has passed
};
inline constexpr std::size_t kFinCount = 7;

/// What happens to a number.
enum class NumberEvent : std::uint8_t {
    followed,         // a segment of its side has passed and was accepted
    bounded,          // nothing can lie beyond it: a SYN, or a FIN that is acknowledged
    unbounded,        // what bounded it is taken back
    gap_half_closed,  // segments may have passed unseen, while one side has closed
    gap,              // the same in any other flow, or the flow goes to the kernel's fast path
    gap_reported,     // the same while a reported FIN has not been found right or wrong
    reported,         // conntrack reports that the flow is half-closed
    told,             // the peer's acknowledgment tells it
    confirmed,        // its side has said that it stands there
    advanced,         // its side has gone on unseen
    peer_advanced,    // the peer has
};
inline constexpr std::size_t kNumberEventCount = 11;

struct BasisChange {
    NumberEvent event;
    Basis from;
    Basis to;
};

/// The whole table. What is not in it changes nothing.
[[nodiscard]] std::span<const BasisChange> basis_changes();
[[nodiscard]] Basis next_basis(Basis from, NumberEvent event);

[[nodiscard]] std::string_view name(Basis b);
/// The sentence for people: "its side has gone on unseen".
[[nodiscard]] std::string_view meaning(NumberEvent e);

inline void apply(Basis& basis, NumberEvent event) {
    basis = next_basis(basis, event);
}

}  // namespace finwait::tcp
