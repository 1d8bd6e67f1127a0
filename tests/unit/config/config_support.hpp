// Configurations from text, and their errors as lines.
#pragma once

#include "config/load.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace finwait::config {

/// Another value than the default for every key.
inline constexpr std::string_view kEverything = R"(
mode = "observe"
profile = "aggressive"
[intercept]
scope = "both"
packets = "all"
backend = "iptables"
first_queue = 100
queues = 4
cpus = "1-3,7"
spread = "ports"
queue_length = 128
mark_mask = "0x80000001"
loopback = true
spare = "client 10.0.0.5"
watch_rules = "report"
[limits]
flows = 16777215
half_closed_per_source = 9
source_prefix_ipv4 = 24
source_prefix_ipv6 = 56
resets_per_second = 1
probes_per_second = 7
adaptive_start = 0.5
adaptive_end = 2.0
breaker_share = 0.25
[timeouts]
handshake = "10s"
established = "off"
fin_wait_1 = "250ms"
fin_wait_2 = "1m30s"
fin_wait_2_max = "2h4m"
closing = "1s"
time_wait = "2s"
on_expiry = "observe"
probe_interval = "2s"
probe_attempts = 7
alive_max = "off"
orphan_test = "active"
reset = "holder"
[[policy]]
name = "web"
match = "server 10.0.0.0/8 and port 443 and closer server"
fin_wait_2 = "30s"
[[policy]]
name = "odd"
match = """
port 80
or port 81"""
[conntrack]
manage_timeouts = true
[control]
socket = "/run/\u00e9.sock"
group = "wheel"
admin_group = "staff"
[metrics]
listen = "[2001:db8::1]:80"
names = "gw1,gw1.example.com"
[state]
file = ""
[log]
level = "debug"
audit = "/tmp/audit.json"
)";

inline Settings settings(const Result& result) {
    if (const auto* errors = std::get_if<std::vector<Error>>(&result)) {
        for (const auto& error : *errors)
            ADD_FAILURE() << error.text();
        return {};
    }
    return std::get<Settings>(result);
}

inline Settings settings(std::string_view toml) {
    return settings(parse(toml, "test.toml"));
}

inline std::vector<std::string> errors(const Result& result) {
    std::vector<std::string> lines;
    if (const auto* errors = std::get_if<std::vector<Error>>(&result)) {
        for (const auto& error : *errors)
            lines.push_back(error.text());
    }
    return lines;
}

inline std::vector<std::string> errors(std::string_view toml) {
    return errors(parse(toml, "test.toml"));
}

}  // namespace finwait::config
