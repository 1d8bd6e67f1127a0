// Removes our rules from the backends of this machine, and tries again where a tool fails. A tool that fails
// says nothing about the rules that are there: where there have been some of ours, they count as left.
#pragma once

#include "netfilter/process.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace finwait::netfilter {

/// What one try to remove our rules from one backend has come to.
struct Removal {
    enum class Outcome : std::uint8_t {
        clean,        // nothing of ours is there
        left,         // some are there
        unseen,       // the tool has failed to list them
        unsupported,  // the kernel lacks what the tool needs
    };
    Outcome outcome = Outcome::clean;
    std::string why = {};   // for an operator; empty when clean
    bool found = false;     // there were some at first
    bool claimed = false;   // they are there although the tool has reported success
    bool silent = false;    // the tool hung, or was killed
    bool hopeless = false;  // another try cannot end better
};

/// Of a tool that was to list rules. `why`: what it has said.
[[nodiscard]] Removal unseen(const ToolResult& result, std::string why);

/// Backends by the places where the kernel keeps their rules: "nftables", "ip6tables-legacy".
using Places = std::set<std::string>;

struct Backend {
    std::string place;
    std::function<Removal(const ToolTime&)> remove;  // one try
};

struct RemovedEverywhere {
    std::optional<std::string> left;            // what is left, or may be where some have been, and why
    std::map<std::string, std::string> unseen;  // other places that could not be looked at, and why
    Places used;                                // where there have been rules of ours
};

/// Tries each backend, and again within `retries` those that failed and may have rules of ours. `used`: where
/// there have been some already.
[[nodiscard]] RemovedEverywhere remove_from(const std::vector<Backend>& backends, Places used,
                                            const ToolTime& time, std::chrono::milliseconds retries);

}  // namespace finwait::netfilter
