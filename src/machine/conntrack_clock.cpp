#include "machine/conntrack_clock.hpp"

#include "policy/filter.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>

namespace finwait::machine {
namespace {

namespace fs = std::filesystem;

/// What the last answer may take beyond the time that is reckoned with.
constexpr Duration kMargin = std::chrono::minutes(1);
/// The state that conntrack has for a half-closed connection depends on which ACK it saw last.
constexpr std::array kStates = {"fin_wait", "close_wait", "last_ack"};
/// An entry that lives no longer than this can be missed by whoever keeps it alive.
constexpr std::chrono::seconds kLeast(4);

fs::path file_of(const fs::path& proc, const std::string& state) {
    return proc / "sys/net/netfilter" / ("nf_conntrack_tcp_timeout_" + state);
}

std::optional<std::uint64_t> read(const fs::path& file) {
    std::ifstream in(file);
    std::uint64_t value = 0;
    if (in >> value) return value;
    return std::nullopt;
}

bool write(const fs::path& file, std::uint64_t value) {
    std::ofstream out(file);
    out << value << std::flush;
    return out.good();
}

}  // namespace

Duration longest_silence(const config::Settings& settings, std::string* policy) {
    Duration most{0};
    const auto take = [&](std::string_view name, const policy::Timeouts& t) {
        if (t.fin_wait_2 == policy::kOff) return;
        const Duration time = t.fin_wait_2 + t.probe_interval * t.probe_attempts;
        if (time <= most) return;
        most = time;
        if (policy != nullptr) *policy = name;
    };
    take(policy::kDefaultName, settings.timeouts);
    for (const policy::Policy& p : settings.policies)
        take(p.name, p.timeouts);
    return most;
}

std::uint64_t seconds_for(Duration silence) {
    return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(silence + kMargin).count());
}

std::chrono::seconds shortest_timeout(const fs::path& proc) {
    std::uint64_t least =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(kMargin).count());
    for (const char* state : kStates)
        least = std::min(least, read(file_of(proc, state)).value_or(least));
    return std::chrono::seconds(least);
}

std::chrono::seconds established_timeout(const fs::path& proc) {
    return std::chrono::seconds(read(file_of(proc, "established")).value_or(0));
}

std::vector<std::string> ConntrackClock::fit(const config::Settings& settings, bool kept) {
    restore();
    std::vector<std::string> said;
    for (const char* state : kStates)
        if (std::string text = fit_one(state, settings, kept); !text.empty()) said.push_back(std::move(text));
    return said;
}

std::string ConntrackClock::fit_one(const std::string& state, const config::Settings& settings, bool kept) {
    const std::string name = "net.netfilter.nf_conntrack_tcp_timeout_" + state;
    const fs::path file = file_of(proc_, state);
    const auto now = read(file);
    if (!now) return {};  // no conntrack in this kernel: nothing to forget
    std::string policy;
    const Duration need = longest_silence(settings, &policy);
    const std::uint64_t wanted = seconds_for(need);
    if (std::chrono::seconds(*now) >= need) return {};
    const std::string found = name + " is " + policy::duration_text(std::chrono::seconds(*now)) +
                              " and policy \"" + policy + "\" needs " + policy::duration_text(need);
    if (!settings.conntrack.manage_timeouts && kept && std::chrono::seconds(*now) >= kLeast)
        return found + ": conntrack's entries of half-closed connections are kept alive one by one";
    if (!settings.conntrack.manage_timeouts)
        return found +
               ": conntrack forgets a half-closed connection, its NAT mapping and our mark before the policy "
               "acts; set "
               "conntrack.manage_timeouts = true, or sysctl -w " +
               name + "=" + std::to_string(wanted);
    if (!write(file, wanted) || read(file) != wanted)
        return found +
               ": it could not be raised (is /proc/sys writable?): conntrack forgets a half-closed "
               "connection "
               "before the policy acts";
    raised_.push_back({file, *now, wanted});
    return found + ": it was raised to " + policy::duration_text(std::chrono::seconds(wanted)) +
           " until finwaitd ends";
}

void ConntrackClock::restore() {
    for (const Raised& r : raised_)
        if (read(r.file) == r.ours) static_cast<void>(write(r.file, r.before));
    raised_.clear();
}

}  // namespace finwait::machine
