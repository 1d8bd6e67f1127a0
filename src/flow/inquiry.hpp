// What asking a side has shown: the evidence on which a half-closed flow is ended or left.
#pragma once

#include "tcp/seq.hpp"
#include "tcp/time.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace finwait::flow {

enum class Evidence : std::uint8_t {
    unknown,      // not asked, or the answers are still out
    alive,        // it answered a probe
    orphan,       // it answered as a record whose application has closed both ways
    gone,         // it answered by RST: no such connection there
    silent,       // it did not answer any of the configured attempts
    unreachable,  // nor did it, and ICMP errors said that it cannot be reached (RFC 1122 section 4.2.3.9)
};

inline constexpr std::size_t kEvidenceCount = 6;
inline constexpr std::array<std::string_view, kEvidenceCount> kEvidenceNames = {
    "unknown", "alive", "orphan", "gone", "silent", "unreachable"};

[[nodiscard]] constexpr std::string_view name(Evidence e) {
    return kEvidenceNames[static_cast<std::size_t>(e)];
}

/// It has had all its attempts, and nothing came from it.
[[nodiscard]] constexpr bool unheard(Evidence e) {
    return e == Evidence::silent || e == Evidence::unreachable;
}

/// One side's part in an inquiry.
struct Inquiry {
    Instant asked;     // last probe
    Instant answered;  // last answer
    /// First of its answers with IPv4 id 0 although its ids count; every later one had id 0, too.
    Instant zero_id_at = Instant::never();
    tcp::Seq number;  // with corrected: what its challenge says that it expects next; with guessed: below
    Evidence evidence = Evidence::unknown;
    std::uint8_t probes = 0;       // sent in this inquiry
    std::uint8_t unsent = 0;       // in a row, that did not leave this machine
    bool outstanding : 1 = false;  // a probe has not been answered yet
    bool reported : 1 = false;     // an ICMP error quoted a probe: the network cannot deliver it
    bool crossed : 1 = false;      // the peer has sent something since: an ACK may be meant for the peer
    bool corrected : 1 = false;
    bool guessed : 1 = false;      // the probe's numbers are made up: an RST that answers it has `number`
    bool near_missed : 1 = false;  // an inexact RST was sent, to see whether it is an orphan
    bool id_asked : 1 = false;     // it was asked for a second answer with IPv4 id 0
    bool target : 1 = false;       // it is to be reset
    bool mute : 1 = false;         // it did not answer before the reset either: nothing can be confirmed
    bool confirmed : 1 = false;    // after the reset a probe drew RST
    bool retry : 1 = false;        // the last probe did not leave this machine: it is to be sent again
    bool rst_unsent : 1 = false;   // its RST did not leave this machine: it is to be sent again at `asked`
    bool unasked : 1 = false;      // probes after its RST never leave this machine: nothing can be confirmed
    bool by_word : 1 = false;  // its own machine has told, not a segment of its own: the peer knows nothing

    friend bool operator==(const Inquiry&, const Inquiry&) = default;
};

}  // namespace finwait::flow
