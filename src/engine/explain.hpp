// Why a flow stands as it does and what comes next, as values: the numbers, the policy and the parts of its
// match, the evidence, what is in the way, and what the reaper will do as long as nothing new is heard.
#pragma once

#include "engine/report.hpp"
#include "flow/inquiry.hpp"
#include "flow/phase.hpp"
#include "policy/policy.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::engine {

/// What keeps a flow from being reset at a moment at which it would be.
enum class Hindrance : std::uint8_t {
    none,
    untouchable,
    numbers_unknown,
    data_in_flight,
    not_quiet,
    window_closed,   // the closer's application does not read: data may wait behind its window
    policy_stopped,  // by its breaker
    spared,          // one of this machine's own that is to be left alone
    on_hold,         // nothing is: what finwaitd sees is not all there is (Engine::hold)
};

[[nodiscard]] std::string_view name(Hindrance h);

/// One thing that will happen to a flow.
enum class Turn : std::uint8_t {
    ask,           // probes
    count_silent,  // a side has left all its attempts unanswered
    near_miss,     // the test for an orphan
    leave,         // both sides live
    reset,
    confirm,      // a probe after the reset
    record,       // `observe`: it would have been reset
    confirmed,    // over: gone from both ends
    unconfirmed,  // over: nobody said so, and nobody contradicted
    refused,      // a side outlives every RST
    look_again,   // something is in the way
    take_back,    // a FIN that nobody acknowledges is taken for forged
    believe,      // an RST that nobody contradicted is taken for true
    forget,       // nothing is sent
};

[[nodiscard]] std::string_view name(Turn t);

struct Prospect {
    Duration in{0};
    Turn turn = Turn::forget;
    std::array<bool, 2> side{};             // whom it concerns, by tcp::Role
    std::uint8_t attempt = 0;               // of ask, confirm and reset: which one, from 1
    std::string_view reason;                // static text; empty: none
    Hindrance hindrance = Hindrance::none;  // with look_again
};

/// One side's part in the inquiry. Times are ago.
struct SideExplanation {
    flow::Evidence evidence = flow::Evidence::unknown;
    std::uint8_t probes = 0;
    std::optional<Duration> asked;
    std::optional<Duration> answered;
    bool outstanding = false;
    bool near_missed = false;
    bool target = false;
    bool confirmed = false;
    bool is_signed = false;  // MD5 or AO: it drops segments that we make
    bool multipath = false;
    std::optional<std::int32_t>
        unacknowledged;  // sent and not acknowledged; empty while numbers are not exact
};

/// A policy, and what its match says of the flow now.
struct PolicyExplanation {
    policy::Policy policy;
    bool matches = false;
    std::vector<policy::Term> terms;
};

struct Explanation {
    FlowReport flow;
    std::string_view stage;  // static text, as in "half-closed"
    PolicyExplanation policy;
    std::vector<PolicyExplanation> passed_over;  // those before it, in file order
    bool observing = false;                      // the daemon sends nothing
    std::optional<Duration> half_closed;         // for how long
    std::optional<Duration> in_phase;  // since asking, resetting or confirming began, or since it was left
    std::string_view reason;           // of the phase; static text
    bool requested = false;            // an operator asked for the end
    flow::Ambiguity ambiguity = flow::Ambiguity::none;
    std::uint8_t rounds = 0;                // of RSTs
    std::array<SideExplanation, 2> side;    // by tcp::Role
    Hindrance hindrance = Hindrance::none;  // to a reset at this moment
    std::vector<Prospect> unanswered;       // what comes while nothing passes and nobody answers
    std::vector<Prospect> answered;         // the same if whoever is asked lives, and is gone once reset
};

}  // namespace finwait::engine
