// The settings that a configuration file yields: plain values, already validated.
#pragma once

#include "flow/prefix.hpp"
#include "policy/policy.hpp"
#include "policy/pressure.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace finwait::config {

enum class Mode : std::uint8_t { enforce, observe };
/// Which values [timeouts] has where nothing else is set.
enum class Profile : std::uint8_t { conservative, normal, aggressive };
/// What is followed: what this machine forwards, its own sockets, or both.
enum class Scope : std::uint8_t { forward, local, both };
enum class Packets : std::uint8_t { selective, all };
enum class Backend : std::uint8_t { automatic, nftables, iptables, none };

/// What decides which queue a segment comes to.
enum class Spread : std::uint8_t { addresses, ports };

/// What is done when others take the rules away.
enum class WatchRules : std::uint8_t { restore, report, off };

struct Intercept {
    Scope scope = Scope::forward;
    Packets packets = Packets::selective;
    Backend backend = Backend::automatic;
    std::uint16_t first_queue = 0;
    std::uint16_t queues = 0;  // 0: one per CPU
    std::string cpus;          // on which their threads run in turn; "": wherever
    Spread spread = Spread::addresses;
    std::uint32_t queue_length = 65536;
    std::uint32_t mark_mask = 0x40000000;
    bool loopback = false;  // local connections that never leave this machine, too
    /// A filter: which of this machine's own connections no default policy may end; "": none.
    std::string spare = "port 22";
    WatchRules watch_rules = WatchRules::restore;

    /// Whether this machine's own sockets are in scope.
    [[nodiscard]] bool local() const { return scope != Scope::forward; }
    [[nodiscard]] bool forward() const { return scope != Scope::local; }

    friend bool operator==(const Intercept&, const Intercept&) = default;
};

struct Limits {
    std::uint32_t flows = 1'000'000;
    std::uint32_t half_closed_per_source = 0;  // 0: no limit
    flow::Prefixes source_prefixes;            // which addresses are one source
    std::uint32_t resets_per_second = 10'000;
    std::uint32_t probes_per_second = 20'000;  // where it is not set: twice resets_per_second
    policy::Pressure pressure;
    double breaker_share = 0.5;

    friend bool operator==(const Limits&, const Limits&) = default;
};

struct Conntrack {
    bool manage_timeouts = false;  // raise those that are too short, until the end

    friend bool operator==(const Conntrack&, const Conntrack&) = default;
};

struct Control {
    std::string socket = "/run/finwaitd/control.sock";
    std::string group = "finwaitd";
    std::string admin_group = "finwaitd-admin";

    friend bool operator==(const Control&, const Control&) = default;
};

struct Metrics {
    std::string listen = "127.0.0.1:9652";  // "": nowhere
    std::string names;                      // of this machine, by which browsers may ask

    friend bool operator==(const Metrics&, const Metrics&) = default;
};

struct State {
    std::string file = "/var/lib/finwaitd/state";  // "": none

    friend bool operator==(const State&, const State&) = default;
};

struct Log {
    std::string level = "info";  // error | warn | info | debug
    std::string audit;           // a file for events; empty: none

    friend bool operator==(const Log&, const Log&) = default;
};

struct Settings {
    Mode mode = Mode::enforce;
    Profile profile = Profile::normal;
    Intercept intercept;
    Limits limits;
    policy::Timeouts timeouts;  // policy "default"
    std::vector<policy::Policy> policies;
    Conntrack conntrack;
    Control control;
    Metrics metrics;
    State state;
    Log log;

    friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace finwait::config
