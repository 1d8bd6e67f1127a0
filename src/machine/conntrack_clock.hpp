// conntrack's own clock for half-closed connections. It forgets them after a minute or two, and their NAT
// mapping and our mark with them; where a policy waits for longer, its timeouts are raised for as long as we
// run.
#pragma once

#include "config/settings.hpp"
#include "tcp/time.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace finwait::machine {

/// How long the policy that waits for longest lets a half-closed flow be silent, asking it included; zero
/// when none ever acts. `policy` becomes its name, if given.
[[nodiscard]] Duration longest_silence(const config::Settings& settings, std::string* policy = nullptr);

/// What conntrack's timeouts are to be for that, in seconds: somewhat longer.
[[nodiscard]] std::uint64_t seconds_for(Duration silence);

/// The shortest of conntrack's timeouts for a half-closed connection; a minute where there is no conntrack.
[[nodiscard]] std::chrono::seconds shortest_timeout(const std::filesystem::path& proc = "/proc");
/// That for an established one; 0 where there is no conntrack.
[[nodiscard]] std::chrono::seconds established_timeout(const std::filesystem::path& proc = "/proc");

class ConntrackClock {
  public:
    explicit ConntrackClock(std::filesystem::path proc = "/proc") : proc_(std::move(proc)) {}
    ~ConntrackClock() { restore(); }
    ConntrackClock(const ConntrackClock&) = delete;
    ConntrackClock& operator=(const ConntrackClock&) = delete;

    /// Compares what conntrack has with what `settings` need and, with `conntrack.manage_timeouts`, raises
    /// it. Says what was found and done, a sentence each. Call again when the settings have changed. `kept`:
    /// the entries of half-closed connections are kept alive one by one.
    [[nodiscard]] std::vector<std::string> fit(const config::Settings& settings, bool kept = false);
    /// Puts back what was raised, unless somebody else has changed it since.
    void restore();

  private:
    struct Raised {
        std::filesystem::path file;
        std::uint64_t before;
        std::uint64_t ours;
    };

    [[nodiscard]] std::string fit_one(const std::string& state, const config::Settings& settings, bool kept);

    std::filesystem::path proc_;
    std::vector<Raised> raised_;
};

}  // namespace finwait::machine
