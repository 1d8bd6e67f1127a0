#include "config/config_support.hpp"
#include "config/profile.hpp"
#include "policy/breaker.hpp"

#include <gtest/gtest.h>

namespace finwait::config {
namespace {

using namespace std::chrono_literals;

TEST(Settings, AreTheDefaultsWhereNothingIsSet) {
    EXPECT_EQ(settings(""), Settings{});
}

TEST(Settings, AreWhatTheFileSays) {
    const auto s = settings(kEverything);
    EXPECT_EQ(s.mode, Mode::observe);
    EXPECT_EQ(s.profile, Profile::aggressive);
    EXPECT_EQ(s.intercept,
              (Intercept{Scope::both, Packets::all, Backend::iptables, 100, 4, "1-3,7", Spread::ports, 128,
                         0x80000001, true, "client 10.0.0.5", WatchRules::report}));
    EXPECT_EQ(s.limits, (Limits{16'777'215, 9, {24, 56}, 1, 7, {0.5, 2.0}, 0.25}));
    EXPECT_EQ(s.timeouts,
              (policy::Timeouts{10s, policy::kOff, 250ms, 90s, 124min, 1s, 2s, policy::OnExpiry::observe, 2s,
                                7, policy::kOff, policy::OrphanTest::active, policy::ResetSides::holder}));
    EXPECT_EQ(s.control, (Control{"/run/\xc3\xa9.sock", "wheel", "staff"}));
    EXPECT_TRUE(s.conntrack.manage_timeouts);
    EXPECT_EQ(s.metrics, (Metrics{"[2001:db8::1]:80", "gw1,gw1.example.com"}));
    EXPECT_EQ(s.state.file, "");
    EXPECT_EQ(s.log, (Log{"debug", "/tmp/audit.json"}));
    ASSERT_EQ(s.policies.size(), 2U);
    EXPECT_EQ(s.policies[0].name, "web");
    EXPECT_EQ(s.policies[0].match.text(), "server 10.0.0.0/8 and port 443 and closer server");
}

TEST(Settings, ProbesFollowTheRateOfResetsWhereTheyHaveNoneOfTheirOwn) {
    EXPECT_EQ(settings("").limits.probes_per_second, 20'000U);
    EXPECT_EQ(settings("limits.resets_per_second = 5").limits.probes_per_second, 10U);
    EXPECT_EQ(settings("limits.resets_per_second = 4294967295").limits.probes_per_second, UINT32_MAX);
    EXPECT_EQ(settings("[limits]\nresets_per_second = 5\nprobes_per_second = 3").limits.probes_per_second,
              3U);
    EXPECT_EQ(settings("limits.probes_per_second = 3").limits.resets_per_second, 10'000U);
}

TEST(Settings, APolicyInheritsWhatItDoesNotSet) {
    const auto s =
        settings("[[policy]]\nname = 'a'\nmatch = ''\nclosing = '7s'\n[timeouts]\nfin_wait_2 = '9s'\n");
    ASSERT_EQ(s.policies.size(), 1U);
    auto expected = s.timeouts;
    expected.closing = 7s;
    EXPECT_EQ(s.policies[0].timeouts, expected);
    EXPECT_EQ(s.policies[0].timeouts.fin_wait_2, 9s);
}

TEST(Settings, AProfileSetsTheTimeoutsThatNothingElseSets) {
    EXPECT_EQ(settings("profile = 'normal'"), Settings{});
    EXPECT_EQ(settings("profile = 'conservative'").timeouts,
              (policy::Timeouts{3min, 120h, 4min, 1h, policy::kOff, 4min, 60s, policy::OnExpiry::probe, 30s,
                                10, policy::kOff, policy::OrphanTest::passive, policy::ResetSides::both}));
    EXPECT_EQ(settings("profile = 'aggressive'").timeouts,
              (policy::Timeouts{3min, 120h, 2min, 30s, policy::kOff, 2min, 60s, policy::OnExpiry::probe, 5s,
                                3, 30min, policy::OrphanTest::active, policy::ResetSides::both}));
    auto expected = preset(Profile::aggressive);
    expected.fin_wait_2 = 9s;
    EXPECT_EQ(settings("timeouts.fin_wait_2 = '9s'\nprofile = 'aggressive'").timeouts, expected);
}

TEST(Settings, TakeTheMarkMaskAsTextOrNumber) {
    EXPECT_EQ(settings("intercept.mark_mask = '0x1'").intercept.mark_mask, 1U);
    EXPECT_EQ(settings("intercept.mark_mask = 0x40000000").intercept.mark_mask, 0x40000000U);
    EXPECT_EQ(settings("intercept.mark_mask = '0xFFFFFFFF'").intercept.mark_mask, 0xffffffffU);
}

TEST(Settings, TakeTheLastQueueNumberThereIs) {
    EXPECT_EQ(settings("intercept = {first_queue = 65280, queues = 256}").intercept.queues, 256);
    EXPECT_EQ(settings("intercept = {first_queue = 65535, queues = 0, cpus = '0'}").intercept.first_queue,
              65535);
}

TEST(Print, ReadsBackToTheSameSettings) {
    EXPECT_EQ(settings(print(Settings{})), Settings{});
    for (const std::string_view text : {kEverything, std::string_view("profile = 'conservative'")}) {
        const auto s = settings(text);
        EXPECT_EQ(settings(print(s)), s);
    }
}

TEST(Settings, SharesMayBeIntegersOrOff) {
    const Settings s =
        settings("[limits]\nadaptive_start = 'off'\nbreaker_share = \"off\"\nadaptive_end = 2");
    EXPECT_EQ(s.limits.pressure.start, policy::kNoPressure);
    EXPECT_EQ(s.limits.pressure.end, 2.0);
    EXPECT_EQ(s.limits.breaker_share, policy::kNoBreaker);
    EXPECT_EQ(settings(print(s)), s);
}

TEST(Print, WritesEveryKey) {
    EXPECT_EQ(print(Settings{}), R"(mode = "enforce"
profile = "normal"

[intercept]
scope = "forward"
packets = "selective"
backend = "auto"
first_queue = 0
queues = 0
cpus = ""
spread = "addresses"
queue_length = 65536
mark_mask = "0x40000000"
loopback = false
spare = "port 22"
watch_rules = "restore"

[limits]
flows = 1000000
half_closed_per_source = 0
source_prefix_ipv4 = 32
source_prefix_ipv6 = 64
resets_per_second = 10000
probes_per_second = 20000
adaptive_start = 0.6
adaptive_end = 1.2
breaker_share = 0.5

[timeouts]
handshake = "3m"
established = "5d"
fin_wait_1 = "4m"
fin_wait_2 = "5m"
fin_wait_2_max = "off"
closing = "4m"
time_wait = "1m"
on_expiry = "probe"
probe_interval = "15s"
probe_attempts = 5
alive_max = "2h4m"
orphan_test = "passive"
reset = "both"

[conntrack]
manage_timeouts = false

[control]
socket = "/run/finwaitd/control.sock"
group = "finwaitd"
admin_group = "finwaitd-admin"

[metrics]
listen = "127.0.0.1:9652"
names = ""

[state]
file = "/var/lib/finwaitd/state"

[log]
level = "info"
audit = ""
)");
}

TEST(Print, WritesAPolicyWithAllItsTimeouts) {
    const auto text = print(settings("[[policy]]\nname = 'web'\nmatch = 'port 443'\nfin_wait_2 = '30s'\n"));
    EXPECT_TRUE(text.ends_with(R"(
[[policy]]
name = "web"
match = "port 443"
handshake = "3m"
established = "5d"
fin_wait_1 = "4m"
fin_wait_2 = "30s"
fin_wait_2_max = "off"
closing = "4m"
time_wait = "1m"
on_expiry = "probe"
probe_interval = "15s"
probe_attempts = 5
alive_max = "2h4m"
orphan_test = "passive"
reset = "both"
)")) << text;
}

}  // namespace
}  // namespace finwait::config
