// What a policy or a filter may ask about a flow: the facts, gathered at one moment.
#pragma once

#include "flow/phase.hpp"
#include "tcp/address.hpp"
#include "tcp/state.hpp"
#include "tcp/time.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace finwait::policy {

using flow::kPhaseNames;
using flow::name;
using flow::Phase;

struct Subject {
    tcp::Endpoint client;
    tcp::Endpoint server;
    tcp::State client_state = tcp::State::unknown;
    tcp::State server_state = tcp::State::unknown;
    std::optional<tcp::Role> closer;  // only while half-closed
    Duration age{0};                  // since the flow was first seen
    std::optional<Duration> idle;     // since the last progress; empty while that is not known
    std::string_view policy;          // the policy in force, by name; must outlive the subject
    Phase phase = Phase::watching;
};

}  // namespace finwait::policy
