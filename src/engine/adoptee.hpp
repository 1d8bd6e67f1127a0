// A connection that is older than the engine, as conntrack knows it.
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
    Instant last_seen;  // at the latest

    friend bool operator==(const Adoptee&, const Adoptee&) = default;
};

}  // namespace finwait::engine
