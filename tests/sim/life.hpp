// A life: everything that happens to one pair of hosts, as a value. Two runs of the same life are the same to
// the last packet; leaving parts out of it is how a failure is made smaller.
#pragma once

#include "endpoint.hpp"
#include "link.hpp"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace finwait::sim {

enum class Act : std::uint8_t { connect, write, shutdown, close, abort, stop_reading, read, crash, vanish };

struct Step {
    Duration after{0};  // the step before
    std::uint8_t host = 0;
    Act act = Act::write;
    std::uint32_t bytes = 0;
};

/// A segment of a third party towards `host` in the other's name.
struct Forgery {
    Duration at{0};  // from the beginning
    std::uint8_t host = 0;
    std::uint8_t flags = 0;
    std::uint32_t length = 0;
    std::uint32_t seq = 0;  // distance beyond what the host expects and its peer has sent; far unless `near`
    std::uint32_t ack = 0;  // distance beyond what the host has sent
    bool near = false;
    bool is_signed = false;  // by MD5, with the right numbers: both hosts drop it (RFC 2385)
};

/// What is particular about the machine in the middle. By default it translates nothing, and nobody is asked.
struct GatewayOptions {
    bool asks_conntrack = false;
    std::array<bool, 2> translated{};  // by host: its peer knows it by another name
    bool misses_fin = false;           // conntrack's windows are off: it takes the flow for open
    bool shares_ends = false;          // another connection has the same ends at the forward hook
    bool shifts_numbers = false;       // it changes sequence numbers behind the forward hook
    std::uint8_t failing = 0;          // every so many questions conntrack does not answer; 0: it always does
    Duration scan = std::chrono::milliseconds(50);  // what a search through the whole table takes
    std::optional<Duration> mark_lost;              // from the beginning; somebody writes the mark, or
    bool flushes = false;                           // flushes conntrack
    bool empty = false;                             // and there is no other connection
    std::optional<std::uint8_t> local;              // this host is a socket of the machine itself
    bool destroys = true;                           // its kernel ends sockets on request
};

struct Life {
    std::uint64_t seed = 0;
    bool selective = false;
    std::array<EndpointOptions, 2> host;
    std::array<Duration, 4> latency{};  // by hop
    Duration fin_wait_2 = std::chrono::minutes(5);
    std::vector<Step> steps;
    std::vector<Fault> faults;
    std::vector<Forgery> forgeries;
    GatewayOptions gateway;
};

/// The life that a seed stands for.
[[nodiscard]] Life random_life(std::uint64_t seed, bool selective);
/// The life that bytes stand for: as random ones are made, by choice instead of chance. Each byte matters, so
/// that a fuzzer can work on it.
[[nodiscard]] Life chosen_life(std::span<const std::uint8_t> choices);
/// Everything in it, for people.
[[nodiscard]] std::string text(const Life& life);

}  // namespace finwait::sim
