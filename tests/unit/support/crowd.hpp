// Many half-closed flows for tests of limits.
#pragma once

#include "support/path.hpp"

namespace finwait::engine::testing {

inline Options idle_after(Duration fin_wait_2, policy::OnExpiry on_expiry = policy::OnExpiry::reset) {
    policy::Timeouts t;
    t.fin_wait_2 = fin_wait_2;
    t.on_expiry = on_expiry;
    Options options = all_packets();
    options.max_flows = 10'000;
    options.tuning.policies = policy::PolicySet({}, t);
    return options;
}

inline void half_close(Path& path, std::uint16_t first_port, std::uint16_t count) {
    for (std::uint16_t i = 0; i < count; ++i) {
        path.use_port(static_cast<std::uint16_t>(first_port + i));
        path.client_half_closed();
    }
}

}  // namespace finwait::engine::testing
