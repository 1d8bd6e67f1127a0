// A connection that is older than the engine, as conntrack or this machine's own socket tells it.
#pragma once

#include "tcp/segment.hpp"
#include "tcp/state.hpp"
#include "tcp/time.hpp"

#include <optional>

namespace finwait::engine {

struct Adoptee {
    tcp::Endpoint client;  // as the forward hook shows them
    tcp::Endpoint server;
    std::optional<tcp::Role> closer;  // whose FIN has passed; empty: neither's
    Instant opened;
    Instant last_seen;             // at the latest
    bool client_is_local = false;  // it is a socket of this machine
    bool server_is_local = false;
    bool requested = false;       // an operator has asked for its end
    bool asked = false;           // one of its ends is here, and is being asked where it stands
    bool told_by_socket = false;  // by a socket of this machine, which knows that the FIN was sent

    friend bool operator==(const Adoptee&, const Adoptee&) = default;
};

}  // namespace finwait::engine
