// A half-closed flow for tests of the reaper's machine, without an engine around it.
#pragma once

#include "flow/record.hpp"
#include "reaper/reaper.hpp"
#include "support/dialogue.hpp"

namespace finwait::reaper::testing {

using std::chrono::minutes;
using std::chrono::seconds;

/// The client has closed, the server has not; everything is known, and nothing has passed for a minute.
class HalfClosed {
  public:
    HalfClosed() {
        tcp::testing::Dialogue dialogue;
        dialogue.client_half_closed();
        record.connection = dialogue.connection;
        record.key = {.low = {*tcp::Address::parse("10.99.1.2"), 40000},
                      .high = {*tcp::Address::parse("10.99.2.2"), 80}};
        record.half_closed = true;
        record.opened = record.half_closed_at = record.last_progress = record.last_seen = now - minutes(1);
        timeouts.fin_wait_2 = minutes(1);
        timeouts.on_expiry = policy::OnExpiry::probe;
    }

    [[nodiscard]] Decision decide() {
        return reaper::decide(record, {.now = now,
                                       .timeouts = timeouts,
                                       .observe = false,
                                       .resets = resets,
                                       .probes = probes,
                                       .breaker = breaker,
                                       .breaker_share = policy::kNoBreaker,
                                       .flows = 1});
    }
    /// Lets time pass until the machine wants to decide again, and decides.
    [[nodiscard]] Decision decide_at(Instant when) {
        now = std::max(now, when);
        return decide();
    }
    Heard client(const tcp::Segment& s) { return hear(record, tcp::Role::client, s, now); }
    Heard server(const tcp::Segment& s) { return hear(record, tcp::Role::server, s, now); }

    Instant now{seconds(10'000)};
    flow::Record record;
    policy::Timeouts timeouts;
    RateLimit resets{1000};
    RateLimit probes{1000};
    policy::Breaker breaker;
};

}  // namespace finwait::reaper::testing
