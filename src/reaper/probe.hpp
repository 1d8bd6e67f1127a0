// Asking a side whether it is still there: an empty ACK in its peer's name, one below what it expects next. A
// live TCP must answer it by an ACK (RFC 9293 section 3.10.7.4), a host without the connection by RST
// (section 3.10.7.1), and it changes nothing.
#pragma once

#include "flow/record.hpp"
#include "tcp/segment.hpp"

#include <cstdint>

namespace finwait::reaper {

/// The probe towards `target`. It acknowledges only what the peer has really acknowledged, and carries the
/// peer's last window; timestamps where the flow uses them (RFC 7323: without, or with a stale one, Linux
/// would not answer). Not ECN-capable (RFC 3168 section 6.1.4).
[[nodiscard]] tcp::Segment probe_towards(const flow::Record& record, tcp::Role target);

/// Whether that probe has to do with numbers that are made up: nobody has been heard from whom to take them.
[[nodiscard]] bool guesses(const flow::Record& record, tcp::Role target);

/// The near-miss: an RST in the window of `target`, and not where it would be taken by a socket (RFC 5961
/// section 3).
[[nodiscard]] tcp::Segment near_miss_towards(const flow::Record& record, tcp::Role target);

enum class Answer : std::uint8_t {
    none,  // not an answer to anything that we sent
    ack,   // a live TCP
    rst,   // no such connection there
};

/// What a segment from `from` says about our last probe or RST towards that side.
[[nodiscard]] Answer answer_of(const flow::Record& record, tcp::Role from, const tcp::Segment& segment);

}  // namespace finwait::reaper
