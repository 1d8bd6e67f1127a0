// What conntrack says of a flow that is older than the engine, for tests.
#pragma once

#include "support/path.hpp"

namespace finwait::engine::testing {

inline const tcp::Endpoint kClient{*tcp::Address::parse("10.99.1.2"), 40000};
inline const tcp::Endpoint kServer{*tcp::Address::parse("10.99.2.2"), 80};
inline constexpr Duration kSoon = seconds(1);  // by then adopted flows have been asked

inline Options with(policy::OnExpiry on_expiry) {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(60);
    t.on_expiry = on_expiry;
    t.probe_interval = seconds(2);
    t.probe_attempts = 3;
    Options options = selective();
    options.hash_key[0] = 5;
    options.tuning.policies = policy::PolicySet({}, t);
    return options;
}

inline Adoptee told(const Path& path, std::optional<tcp::Role> closer, Duration idle = seconds(0)) {
    return {kClient, kServer, closer, path.now - idle, path.now - idle};
}

/// The first probe that went there.
inline tcp::Segment to(const Path& path, const tcp::Endpoint& end) {
    for (const tcp::Segment& probe : path.probes())
        if (probe.destination == end) return probe;
    return {};
}

}  // namespace finwait::engine::testing
