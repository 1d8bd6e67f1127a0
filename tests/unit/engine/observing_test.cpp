// Who only observes sends nothing: by a policy, for all, and from some moment on.
#include "support/path.hpp"

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

Options with_timeouts(policy::Timeouts timeouts, Options options = all_packets()) {
    options.tuning.policies = policy::PolicySet({}, timeouts);
    return options;
}

policy::Timeouts quick() {
    policy::Timeouts t;
    t.fin_wait_2 = seconds(3);
    t.on_expiry = policy::OnExpiry::reset;
    return t;
}

TEST(Observing, ObserveSendsNothingAndCountsOnce) {
    auto timeouts = quick();
    timeouts.on_expiry = policy::OnExpiry::observe;
    Path path(with_timeouts(timeouts));
    path.client_half_closed();
    path.wait(seconds(60));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_EQ(path.engine.counters().observed, 1U);
    EXPECT_EQ(path.flow().subject.client_state, tcp::State::fin_wait_2);
    EXPECT_THAT(path.events(), Contains(EventType::would_reset));
}

TEST(Observing, GlobalObserveOverridesEveryPolicy) {
    Options options = with_timeouts(quick());
    options.tuning.observe = true;
    Path path(options);
    path.client_half_closed();
    path.wait(seconds(60));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_EQ(path.engine.counters().observed, 1U);
}

void from_now_on_only_observe(Path& path) {
    Tuning tuning;
    tuning.policies = path.engine.policies();
    tuning.observe = true;
    path.engine.tune(path.now, tuning);
}

TEST(Observing, WhatIsBeingAskedWhenObservingBeginsIsAskedNoMore) {
    Path path = asked();
    const std::size_t probes = path.probes().size();
    from_now_on_only_observe(path);
    path.wait(seconds(60));
    EXPECT_EQ(path.sends().size(), probes);
    EXPECT_EQ(path.engine.counters().observed, 1U);
    EXPECT_EQ(path.flow().subject.phase, policy::Phase::watching);
}

TEST(Observing, WhatHasBeenResetWhenObservingBeginsIsNotAskedWhetherItIsGone) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    path.wait(milliseconds(3100));
    ASSERT_EQ(path.resets().size(), 2U);
    from_now_on_only_observe(path);
    path.wait(seconds(5));
    EXPECT_EQ(path.sends().size(), 2U);
    EXPECT_EQ(path.engine.counters().resets_unconfirmed, 1U);
}

TEST(Observing, AKillIsCarriedOutAlsoByWhoOnlyObserves) {
    Path path(with_timeouts(quick()));
    path.client_half_closed();
    from_now_on_only_observe(path);
    ASSERT_EQ(path.engine.kill(path.now, path.flow().id), KillResult::requested);
    path.wait(seconds(1));
    EXPECT_EQ(path.resets().size(), 2U);
}

}  // namespace
}  // namespace finwait::engine::testing
