// What the evidence of both sides means: one table, with the reason for each entry. RFC 3360: a reset is for
// connections that are at an end already.
#pragma once

#include "flow/inquiry.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace finwait::reaper {

enum class Act : std::uint8_t {
    wait,   // the evidence is not complete
    leave,  // nothing is proven against it: ask again later
    reset_closer,
    reset_holder,
    reset_both,
    forget,  // nobody is left to be reset
};

[[nodiscard]] std::string_view name(Act a);

struct Judgement {
    flow::Evidence closer;
    flow::Evidence holder;
    Act act;
    std::string_view reason;
};

/// The whole table: every pair of evidence has one entry.
[[nodiscard]] std::span<const Judgement> judgements();

[[nodiscard]] const Judgement& judge(flow::Evidence closer, flow::Evidence holder);

}  // namespace finwait::reaper
