// The state machine of one side, as data: RFC 9293 section 3.3.2 (figure 5) seen from the middle of the path.
// A side moves by what it sends itself, and by acknowledgments that pass towards it; never by a SYN or FIN
// that merely passes towards it, because that may be lost behind us. Each entry carries the reason that makes
// it right.
#pragma once

#include "tcp/state.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace finwait::tcp {

/// Something a segment proves about one side.
enum class Event : std::uint8_t {
    sent_syn,          // it sent a SYN without ACK
    sent_syn_ack,      // it acknowledged the peer's SYN by its own, or before its own was acknowledged
    acked_syn,         // it acknowledged the peer's SYN by a segment without SYN
    syn_acked,         // the peer acknowledged its SYN
    syn_ack_repeated,  // it sent its SYN-ACK again, and nothing else since
    sent_fin,          // it sent a FIN
    sent_fin_before,   // it sent a FIN, and had sent it before it acknowledged the peer's
    fin_acked,         // the peer, still open, acknowledged its FIN
    fin_acked_both,    // the peer, whose FIN has been sent too, acknowledged its FIN
    acked_fin,         // it acknowledged the peer's FIN while its own FIN, if any, is not acknowledged
    acked_fin_last,    // it acknowledged the peer's FIN, and its own FIN is acknowledged
    fin_repeated,      // it sent its FIN again although the acknowledgment of it had passed
    reset,             // it sent an acceptable RST, or one passed towards it
};

inline constexpr std::size_t kEventCount = 13;

struct Transition {
    State from;
    Event event;
    State to;
    std::string_view reason;  // with the section of RFC 9293 where none other is named
};

/// The whole table. What is not in it changes nothing.
[[nodiscard]] std::span<const Transition> transitions();

/// Where `event` takes a side in `from`; `from` itself when the table has no entry.
[[nodiscard]] State next_state(State from, Event event);

[[nodiscard]] std::string_view name(Event e);
/// The sentence for people: "it sent a FIN".
[[nodiscard]] std::string_view meaning(Event e);

}  // namespace finwait::tcp
