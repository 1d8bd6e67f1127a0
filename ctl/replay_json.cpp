#include "ctl/replay_json.hpp"

#include "control/encode.hpp"
#include "tcp/segment.hpp"

#include <fmt/format.h>
#include <iterator>

namespace finwait::ctl {
namespace {

std::string seconds(Instant t) {
    return fmt::format("{:.6f}", in_seconds(t.since_origin()));
}

/// Steps without a segment were made by a timer, or are what a side was taken for at first.
void append_segment(std::string& out, const flow::Step& step) {
    if (step.flags == 0) {
        out += "null";
        return;
    }
    fmt::format_to(std::back_inserter(out), R"({{"from":"{}","flags":"{}","seq":{},"ack":{},"len":{}}})",
                   tcp::name(step.from), tcp::flags_text(step.flags), step.seq.value(), step.ack.value(),
                   step.length);
}

void append_history(std::string& out, const replay::Flow& flow) {
    out += R"("history":[)";
    for (const flow::Step& step : flow.steps) {
        fmt::format_to(std::back_inserter(out), R"({}{{"t":{},"side":"{}","state":"{}","segment":)",
                       &step == flow.steps.data() ? "" : ",", seconds(step.at), tcp::name(step.side),
                       tcp::name(step.state));
        append_segment(out, step);
        out += '}';
    }
    fmt::format_to(std::back_inserter(out), R"(],"history_left_out":{})", flow.steps_left_out);
}

void append_resets(std::string& out, const replay::Replay& replay, const replay::Flow& flow) {
    out += R"("would_reset":[)";
    for (const replay::WouldReset& reset : flow.resets) {
        const policy::Policy& policy = replay.policies()[reset.policy];
        fmt::format_to(std::back_inserter(out),
                       R"({}{{"t":{},"policy":"{}","reason":"{}","on_expiry":"{}","went_on":{}}})",
                       &reset == flow.resets.data() ? "" : ",", seconds(reset.at), policy.name, reset.reason,
                       policy::name(policy.timeouts.on_expiry), flow.went_on_after(reset));
    }
    fmt::format_to(std::back_inserter(out), R"(],"would_reset_left_out":{})", flow.resets_left_out);
}

}  // namespace

void append_replayed(std::string& out, const replay::Replay& replay, std::size_t index) {
    const replay::Flow& flow = replay.flows()[index];
    control::append_flow(out, flow.report(), control::Detail::brief);
    out.pop_back();  // its members go on
    fmt::format_to(std::back_inserter(out), R"(,"number":{},"start_s":{},"forgotten_s":{},)", index + 1,
                   seconds(flow.opened), flow.forgotten ? seconds(*flow.forgotten) : "null");
    append_history(out, flow);
    out += ',';
    append_resets(out, replay, flow);
    out += '}';
}

}  // namespace finwait::ctl
