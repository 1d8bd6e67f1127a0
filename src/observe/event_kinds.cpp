#include "observe/event_kinds.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace finwait::observe {
namespace {

using engine::EventType;
using spdlog::level::debug;
using spdlog::level::info;
using spdlog::level::warn;

constexpr EventKind row(EventType type, std::string_view name, std::string_view id,
                        spdlog::level::level_enum level, std::string_view text, std::string_view event_type,
                        std::string_view member = "", std::string_view word = "") {
    return {type, {name, id}, level, text, event_type, member, word};
}

constexpr std::array kKinds = {
    row(EventType::half_closed, "flow_half_closed", "b58368760edf4a0ab7a7b817e7746edf", debug, "half-closed",
        "tcp_half_closed"),
    row(EventType::probe, "flow_asked", "b2779e4dd2484b74b7093ad6dfd0b464", debug, "asked", "tcp_probe",
        "action", "asked"),
    row(EventType::left, "flow_left", "bb1be6e2c0014d9fb4738211f2548fb0", debug, "left alone", "tcp_probe",
        "outcome", "left"),
    row(EventType::reset, "flow_reset", "e0722a8304774bd9ae6b996b7c53132d", info, "reset", "tcp_reset",
        "action", "reset"),
    row(EventType::would_reset, "flow_would_be_reset", "ec2d568953ac474c9aeed9250de9699c", info,
        "would have been reset (observing)", "tcp_reset", "action", "would_reset"),
    row(EventType::confirmed, "flow_confirmed", "a02519b3659d494f8fc04af0ff64f3e0", debug, "reset confirmed",
        "tcp_reset", "outcome", "confirmed"),
    row(EventType::unconfirmed, "flow_unconfirmed", "af16dcf9e41b41b1ac8fa1352ea39813", debug,
        "reset not confirmed", "tcp_reset", "outcome", "unconfirmed"),
    row(EventType::refused, "flow_refused", "ccccbcbcb8c54bfa9b0cc5c3e6f67d36", info,
        "reset refused: a side lives on", "tcp_reset", "outcome", "refused"),
    row(EventType::closed, "flow_closed", "83102be2e8d34435bba543f13fdada44", debug, "closed", "tcp_closed"),
    row(EventType::stopped, "policy_stopped", "49ccd4d1dec24bab820071599a90c9df", warn, "its policy stopped",
        "policy_stopped"),
    row(EventType::asked_again, "flow_asked_again", "1d6768da12ec490f812e8ead250dfca3", debug, "asked again",
        "tcp_probe", "action", "asked_again"),
    row(EventType::answered, "flow_answered", "7ce8aa27f2f34f359f36939cae49b484", debug, "has answered",
        "tcp_probe", "outcome", "answered"),
    row(EventType::silent, "flow_silent", "6f9c2a739bbe4ae9aa91f06c6ef05591", debug, "is silent", "tcp_probe",
        "outcome", "silent"),
    row(EventType::near_miss, "flow_near_miss", "be8e2fe5591c4720ae1ad57ed16e5323", debug,
        "tested for an orphan", "tcp_probe", "action", "near_miss"),
    row(EventType::reset_again, "flow_reset_again", "2eb5f3abd8c248ab8acb505fbc578b1c", debug, "reset again",
        "tcp_reset", "action", "reset_again"),
    row(EventType::revived, "flow_revived", "85735bf2c71c4f28bace02b17143aa88", debug,
        "has come back to life", "tcp_probe", "outcome", "revived"),
};

constexpr bool in_order() {
    for (std::size_t i = 0; i < kKinds.size(); ++i)
        if (kKinds[i].type != static_cast<EventType>(i)) return false;
    return true;
}
static_assert(in_order() && kKinds.back().type == EventType::revived, "one row for each type of event");

/// Of what operators ask for and of the firewall's rules: no engine tells of these.
constexpr std::array<std::string_view, 4> kOfNoFlow = {"policy_resumed", "request_refused", "config_reload",
                                                       "rules_changed"};

}  // namespace

std::span<const EventKind> event_kinds() {
    return kKinds;
}

const EventKind& kind(EventType type) {
    assert(static_cast<std::size_t>(type) < kKinds.size());
    return kKinds[static_cast<std::size_t>(type)];
}

const std::vector<std::string_view>& event_types() {
    static const std::vector<std::string_view> types = [] {
        std::vector<std::string_view> all;
        for (const EventKind& one : kKinds)
            if (std::ranges::find(all, one.event_type) == all.end()) all.push_back(one.event_type);
        all.insert(all.end(), kOfNoFlow.begin(), kOfNoFlow.end());
        return all;
    }();
    return types;
}

}  // namespace finwait::observe
