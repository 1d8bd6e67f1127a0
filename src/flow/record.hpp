// Everything that is remembered of one flow.
#pragma once

#include "flow/inquiry.hpp"
#include "flow/key.hpp"
#include "flow/phase.hpp"
#include "flow/trail.hpp"
#include "tcp/side.hpp"
#include "tcp/time.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace finwait::flow {

/// How far the reaper has got with a flow.
struct Reaping {
    Instant since;                         // when the present phase began
    Instant not_before;                    // when to ask again
    Instant held = Instant::never();       // since when what it sends waits to leave, if it does
    std::array<Inquiry, 2> side;           // by Role
    std::string_view reason;               // why the flow is asked or reset; static text
    std::uint8_t attempts = 0;             // rounds of RSTs sent
    tcp::Role closer = tcp::Role::client;  // when the asking began
    tcp::Role blamed = tcp::Role::client;  // whose doing its end is, unless it is proven
    Phase phase = Phase::watching;
    Outcome outcome = Outcome::none;      // of the last reset
    Cause cause = Cause::none;            // of the reset that is under way
    Purpose purpose = Purpose::liveness;  // of the inquiry that is under way
    Occasion occasion = Occasion::due;    // of the inquiry that is under way
    bool requested : 1 = false;           // an operator asked for the end
    bool reserved : 1 = false;            // its breaker has let it pass, and its RSTs have not been sent yet
    bool waits : 1 = false;               // a rate limit makes it wait: it stands in a line of the engine's
    bool recorded : 1 = false;            // expiry was recorded by `observe`, and nothing has happened since
    bool crowded : 1 = false;  // its source holds too many half-closed flows: to be asked before its time
    bool expired : 1 = false;  // its time is up, and that has been told
    bool proven : 1 = false;   // a side has replied that it is over: it does not count for the breaker
    bool urgent : 1 = false;   // something was heard that is to be acted on now
    bool verify : 1 = false;   // its sides are to be asked at not_before where they stand

    [[nodiscard]] Inquiry& of(tcp::Role r) { return side[tcp::index(r)]; }
    [[nodiscard]] const Inquiry& of(tcp::Role r) const { return side[tcp::index(r)]; }
};

struct Record {
    Key key;
    tcp::Connection connection;
    Instant opened;
    std::array<Instant, 2> last_from;     // the last segment of each side, by Role
    std::array<std::uint32_t, 2> mark{};  // and what it was routed by
    Instant last_seen;                    // any valid segment
    Instant last_progress;                // new data, SYN or FIN, or an acknowledgment of something new
    Instant half_closed_at;
    Duration longest_idle{0};  // without progress, while half-closed
    Instant released_at;       // last put on the fast path
    Instant window_opened;     // while half-closed: when the closer's window was last opened after it was 0
    /// A FIN of `reported_closer` that only conntrack has reported, and of which both sides' answers have
    /// shown nothing: when they are asked about it again.
    Instant report_again = Instant::never();
    Reaping reaping;
    Trail trail;
    std::uint32_t generation = 0;
    std::uint32_t losses = 0;  // how many losses of packets the numbers have lived through
    std::uint8_t policy = 0;
    Ambiguity ambiguity = Ambiguity::none;
    std::uint8_t looks = 0;         // the last look at conntrack's table that found it, modulo 256
    bool client_is_low : 1 = true;  // which endpoint of the key is the client
    bool low_is_local : 1 = false;  // it is a socket of this machine
    bool high_is_local : 1 = false;
    bool half_closed : 1 = false;
    bool was_half_closed : 1 = false;
    bool server_closed : 1 = false;  // with half_closed: the closer, as it was counted
    /// While its numbers are a claim: conntrack may find what its sides send invalid, and nothing of it is
    /// seen.
    bool astray : 1 = false;
    bool unheard : 1 = false;  // conntrack or a socket reported it, and none of its segments has come here
    bool closed_by_socket : 1 = false;  // a socket of this machine has told that it is half-closed
    tcp::Role reported_closer : 1 = tcp::Role::client;

    [[nodiscard]] const tcp::Endpoint& endpoint(tcp::Role r) const {
        return (r == tcp::Role::client) == client_is_low ? key.low : key.high;
    }
    [[nodiscard]] tcp::Role role_of(const tcp::Endpoint& source) const {
        return (source == key.low) == client_is_low ? tcp::Role::client : tcp::Role::server;
    }
    [[nodiscard]] bool is_local(const tcp::Endpoint& end) const {
        return end == key.low ? low_is_local : high_is_local;
    }
    void set_local(const tcp::Endpoint& end) {
        if (end == key.low)
            low_is_local = true;
        else
            high_is_local = true;
    }
};

}  // namespace finwait::flow
