#include "config/keys.hpp"

#include "config/cpus.hpp"
#include "config/key_kinds.hpp"
#include "config/listen.hpp"
#include "config/value.hpp"
#include "policy/breaker.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace finwait::config {
namespace {

using policy::OnExpiry;
using policy::ResetSides;
using policy::Timeouts;

bool is_file_path(std::string_view path, std::size_t most) {
    return path.size() > 1 && path.size() <= most && path[0] == '/' && path.back() != '/' &&
           path.find('\0') == path.npos;
}

bool is_socket_path(std::string_view path) {
    return is_file_path(path, 107);  // sun_path's 108 bytes hold a closing zero too: unix(7)
}

bool is_file_path_or_empty(std::string_view path) {
    return path.empty() ||
           is_file_path(path, 4000);  // PATH_MAX, and room for a name that it is written under
}

bool is_cpu_list(std::string_view text) {
    return parse_cpus(text).has_value();
}

bool is_group_name(std::string_view name) {
    constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    return !name.empty() && name.size() <= 32 && name[0] != '-' &&
           name.find_first_not_of(kAllowed) == name.npos;
}

bool is_place(std::string_view text) {
    return text.empty() || parse_listen(text).has_value();
}

bool is_list_of_names(std::string_view text) {
    return parse_names(text).has_value();
}

std::optional<std::int64_t> mark_bits(const toml::node& node) {
    if (const auto number = node.value_exact<std::int64_t>()) return number;
    auto text = node.value_exact<std::string_view>().value_or("");
    if (!text.starts_with("0x")) return std::nullopt;
    text.remove_prefix(2);
    std::uint32_t bits = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits, 16);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return bits;
}

Key<Intercept> mark_mask() {
    const auto read = [](const toml::node& node, Intercept& table) {
        const auto bits = mark_bits(node);
        if (!bits || *bits < 1 || *bits > std::numeric_limits<std::uint32_t>::max()) return false;
        table.mark_mask = static_cast<std::uint32_t>(*bits);
        return true;
    };
    const auto print = [](const Intercept& table) {
        std::array<char, 8> digits{};
        const auto [end, error] =
            std::to_chars(digits.data(), digits.data() + digits.size(), table.mark_mask, 16);
        const std::string hex(digits.data(), end);
        return toml_string("0x" + std::string(digits.size() - hex.size(), '0') + hex);
    };
    constexpr const char* kAllowed =
        "a string such as \"0x40000000\", or an integer: 32 bits, at least one of them set";
    return {"mark_mask", kAllowed, {}, read, print, copy_of(&Intercept::mark_mask)};
}

}  // namespace

std::span<const Key<Settings>> root_keys() {
    static const std::vector keys = {
        word("mode", &Settings::mode, Words<Mode>{{"enforce", Mode::enforce}, {"observe", Mode::observe}}),
        word("profile", &Settings::profile,
             Words<Profile>{{"conservative", Profile::conservative},
                            {"normal", Profile::normal},
                            {"aggressive", Profile::aggressive}}),
    };
    return keys;
}

std::span<const Key<Intercept>> intercept_keys() {
    static const std::vector keys = {
        needs_restart(
            word("scope", &Intercept::scope,
                 Words<Scope>{{"forward", Scope::forward}, {"local", Scope::local}, {"both", Scope::both}})),
        needs_restart(word("packets", &Intercept::packets,
                           Words<Packets>{{"selective", Packets::selective}, {"all", Packets::all}})),
        needs_restart(word("backend", &Intercept::backend,
                           Words<Backend>{{"auto", Backend::automatic},
                                          {"nftables", Backend::nftables},
                                          {"iptables", Backend::iptables},
                                          {"none", Backend::none}})),
        needs_restart(integer("first_queue", &Intercept::first_queue, 0, 65535)),
        needs_restart(integer("queues", &Intercept::queues, 0, 256)),
        needs_restart(
            text("cpus", &Intercept::cpus, "a list of CPUs such as \"0-3,6\", or \"\" for any", is_cpu_list)),
        needs_restart(word("spread", &Intercept::spread,
                           Words<Spread>{{"addresses", Spread::addresses}, {"ports", Spread::ports}})),
        needs_restart(integer("queue_length", &Intercept::queue_length, 128, 65536)),
        needs_restart(mark_mask()),
        needs_restart(boolean("loopback", &Intercept::loopback)),
        filter("spare", &Intercept::spare,
               "a filter such as \"port 22 or client 10.0.0.5\", or \"\" for none"),
        word("watch_rules", &Intercept::watch_rules,
             Words<WatchRules>{
                 {"restore", WatchRules::restore}, {"report", WatchRules::report}, {"off", WatchRules::off}}),
    };
    return keys;
}

std::span<const Key<Limits>> limits_keys() {
    static const std::vector keys = {
        needs_restart(integer("flows", &Limits::flows, 1, 16'777'215)),
        integer("half_closed_per_source", &Limits::half_closed_per_source, 0, 16'777'215),
        prefix_length(
            "source_prefix_ipv4", [](auto& l) -> auto& { return l.source_prefixes.ipv4; }, 32),
        prefix_length(
            "source_prefix_ipv6", [](auto& l) -> auto& { return l.source_prefixes.ipv6; }, 128),
        integer("resets_per_second", &Limits::resets_per_second, 1,
                std::numeric_limits<std::uint32_t>::max()),
        integer("probes_per_second", &Limits::probes_per_second, 1,
                std::numeric_limits<std::uint32_t>::max()),
        share(
            "adaptive_start", [](auto& l) -> auto& { return l.pressure.start; }, 0.0, 1.0,
            policy::kNoPressure),
        share(
            "adaptive_end", [](auto& l) -> auto& { return l.pressure.end; }, 0.0, 10.0),
        share(
            "breaker_share", [](auto& l) -> auto& { return l.breaker_share; }, 0.001, 0.999,
            policy::kNoBreaker),
    };
    return keys;
}

std::span<const Key<Timeouts>> timeouts_keys() {
    static const std::vector keys = {
        duration("handshake", &Timeouts::handshake),
        duration("established", &Timeouts::established, Off::accepted),
        duration("fin_wait_1", &Timeouts::fin_wait_1),
        duration("fin_wait_2", &Timeouts::fin_wait_2, Off::accepted),
        duration("fin_wait_2_max", &Timeouts::fin_wait_2_max, Off::accepted),
        duration("closing", &Timeouts::closing),
        duration("time_wait", &Timeouts::time_wait),
        word("on_expiry", &Timeouts::on_expiry,
             Words<OnExpiry>{
                 {"probe", OnExpiry::probe}, {"reset", OnExpiry::reset}, {"observe", OnExpiry::observe}}),
        duration("probe_interval", &Timeouts::probe_interval, Off::refused, std::chrono::seconds(1)),
        integer("probe_attempts", &Timeouts::probe_attempts, 3, 100),
        duration("alive_max", &Timeouts::alive_max, Off::accepted),
        word("orphan_test", &Timeouts::orphan_test,
             Words<policy::OrphanTest>{{"passive", policy::OrphanTest::passive},
                                       {"active", policy::OrphanTest::active},
                                       {"off", policy::OrphanTest::off}}),
        word("reset", &Timeouts::reset,
             Words<ResetSides>{
                 {"both", ResetSides::both}, {"closer", ResetSides::closer}, {"holder", ResetSides::holder}}),
    };
    return keys;
}

std::span<const Key<Conntrack>> conntrack_keys() {
    static const std::vector keys = {boolean("manage_timeouts", &Conntrack::manage_timeouts)};
    return keys;
}

std::span<const Key<Control>> control_keys() {
    static const std::vector keys = {
        needs_restart(
            text("socket", &Control::socket, "an absolute path of at most 107 bytes", is_socket_path)),
        needs_restart(text("group", &Control::group,
                           "the name of a group: 1 to 32 letters, digits, \"_\", \".\" and \"-\"",
                           is_group_name)),
        needs_restart(text("admin_group", &Control::admin_group,
                           "the name of a group: 1 to 32 letters, digits, \"_\", \".\" and \"-\"",
                           is_group_name)),
    };
    return keys;
}

std::span<const Key<Metrics>> metrics_keys() {
    static const std::vector keys = {
        text(
            "listen", &Metrics::listen,
            "an address with a port such as \"127.0.0.1:9652\" or \"[::1]:9652\", \"unix:\" with an absolute "
            "path of at most 107 bytes, or \"\" for nowhere",
            is_place),
        text("names", &Metrics::names,
             "at most 32 host names such as \"gw1,gw1.example.com\", or \"\" for none", is_list_of_names),
    };
    return keys;
}

std::span<const Key<State>> state_keys() {
    static const std::vector keys = {
        text("file", &State::file, "an absolute path of at most 4000 bytes, or \"\" for none",
             is_file_path_or_empty),
    };
    return keys;
}

std::span<const Key<Log>> log_keys() {
    static const std::vector keys = {
        word("level", &Log::level,
             Words<std::string>{{"error", "error"}, {"warn", "warn"}, {"info", "info"}, {"debug", "debug"}}),
        text("audit", &Log::audit, "the absolute path of a file in a directory that exists, or \"\" for none",
             is_file_path_or_empty),
    };
    return keys;
}

}  // namespace finwait::config
