// One connection as conntrack knows it: Linux keeps one state for both sides, and of each direction some
// flags (include/uapi/linux/netfilter/nf_conntrack_tcp.h).
#pragma once

#include "netfilter/translation.hpp"
#include "tcp/state.hpp"
#include "tcp/time.hpp"

#include <cstdint>
#include <optional>

namespace finwait::netfilter {

struct Tracked {
    enum class Stage : std::uint8_t {
        opening,  // the handshake is not complete, or nothing has come back yet
        established,
        fin_wait,    // a FIN has passed
        close_wait,  // and an acknowledgment after it, from whomever
        last_ack,    // FINs of both have passed
        time_wait,   // and the acknowledgment after them
        closed,      // an RST has passed
    };
    Translation translation;
    Stage stage = Stage::opening;
    std::optional<tcp::Role>
        closer;  // in fin_wait and close_wait: whose FIN it was; the client is the opener
    std::uint32_t mark = 0;
    bool unacknowledged = false;    // data is on its way: then other timeouts are in force
    Duration left{0};               // until it is forgotten, if nothing more passes
    std::optional<Duration> begun;  // since 1970; where nf_conntrack_timestamp is on
};

}  // namespace finwait::netfilter
