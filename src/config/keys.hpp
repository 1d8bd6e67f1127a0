// The keys a configuration may hold, as tables: one row a key, from which reading, printing, reloading and
// the errors' lists of what is allowed are all made.
#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

namespace finwait::config {

/// Whether a running daemon can put another value of a key in force.
enum class OnReload : std::uint8_t { in_force, needs_restart };

template<class Table>
struct Key {
    std::string_view name;
    std::string allowed;                  // for errors: "an integer from 1 to 9"
    std::vector<std::string_view> words;  // when only these are allowed
    /// Sets the member and returns true, or leaves it alone and returns false.
    std::function<bool(const toml::node&, Table&)> read;
    /// The member's value as TOML.
    std::function<std::string(const Table&)> print;
    /// Copies the member's value.
    std::function<void(const Table& from, Table& to)> copy;
    OnReload on_reload = OnReload::in_force;
    bool is_filter = false;  // an error then shows what is wrong within the text
};

[[nodiscard]] std::span<const Key<Settings>> root_keys();
[[nodiscard]] std::span<const Key<Intercept>> intercept_keys();
[[nodiscard]] std::span<const Key<Limits>> limits_keys();
[[nodiscard]] std::span<const Key<policy::Timeouts>> timeouts_keys();
[[nodiscard]] std::span<const Key<Control>> control_keys();
[[nodiscard]] std::span<const Key<Conntrack>> conntrack_keys();
[[nodiscard]] std::span<const Key<Metrics>> metrics_keys();
[[nodiscard]] std::span<const Key<State>> state_keys();
[[nodiscard]] std::span<const Key<Log>> log_keys();

/// Calls visit(name, keys, member of Settings) for every [table], in the order in which they are printed.
template<class Visitor>
void for_each_table(Visitor visit) {
    visit("intercept", intercept_keys(), &Settings::intercept);
    visit("limits", limits_keys(), &Settings::limits);
    visit("timeouts", timeouts_keys(), &Settings::timeouts);
    visit("conntrack", conntrack_keys(), &Settings::conntrack);
    visit("control", control_keys(), &Settings::control);
    visit("metrics", metrics_keys(), &Settings::metrics);
    visit("state", state_keys(), &Settings::state);
    visit("log", log_keys(), &Settings::log);
}

template<class Table>
[[nodiscard]] std::vector<std::string_view> names(std::span<const Key<Table>> keys) {
    std::vector<std::string_view> result;
    for (const auto& key : keys)
        result.push_back(key.name);
    return result;
}

}  // namespace finwait::config
