#include "ctl/replay_text.hpp"

#include "ctl/table.hpp"
#include "ctl/text.hpp"
#include "replay/explain.hpp"

#include <fmt/format.h>

namespace finwait::ctl {
namespace {

constexpr std::size_t kNarrowestReason = 30;

std::string human(Duration d) {
    return human_duration(in_seconds(d));
}

/// Since the capture's first packet, to the microsecond, as captures have it.
std::string moment(Instant t) {
    return fmt::format("{:.6f}", in_seconds(t.since_origin()));
}

std::string states(const replay::Flow& flow) {
    return fmt::format("{}/{}", tcp::name(flow.subject.client_state), tcp::name(flow.subject.server_state));
}

std::string closer(const replay::Flow& flow) {
    return flow.subject.closer ? std::string(tcp::name(*flow.subject.closer)) : "-";
}

/// "at 5m2s", "3 times, first at 5m2s".
std::string resets(const replay::Flow& flow) {
    if (flow.resets.empty()) return "-";
    const std::string at = "at " + human(flow.resets.front().at.since_origin());
    const std::size_t times = flow.resets.size() + flow.resets_left_out;
    return times == 1 ? at : fmt::format("{} times, first {}", times, at);
}

/// A capture cannot answer: what would have come of asking is not known.
std::string_view reservation(policy::OnExpiry on_expiry) {
    switch (on_expiry) {
        case policy::OnExpiry::probe:
            return " (if both sides, asked first, had not shown that they are there)";
        case policy::OnExpiry::reset: break;
        case policy::OnExpiry::observe: return " (it observes, and would only have recorded this)";
    }
    return "";
}

std::string would_have(const replay::Replay& replay, const replay::Flow& flow,
                       const replay::WouldReset& reset) {
    const policy::Policy& policy = replay.policies()[reset.policy];
    return fmt::format(
        "  at {}, policy {}: {}{}; {}\n", moment(reset.at), policy.name, reset.reason,
        reservation(policy.timeouts.on_expiry),
        flow.went_on_after(reset) ? "the flow went on after that" : "nothing came of the flow after that");
}

void print_resets(const replay::Replay& replay, const replay::Flow& flow, Output& out) {
    if (flow.resets.empty()) {
        out.write("The policy would not have reset it.\n");
        return;
    }
    out.write("The policy would have reset it:\n");
    for (const replay::WouldReset& reset : flow.resets)
        out.write(would_have(replay, flow, reset));
    if (flow.resets_left_out > 0) out.write(fmt::format("  and {} times more\n", flow.resets_left_out));
}

std::string fate(const replay::Replay& replay, const replay::Flow& flow) {
    if (flow.forgotten) return "forgotten at " + moment(*flow.forgotten);
    const std::string expires = flow.expires_in && *flow.expires_in != policy::kOff
                                    ? "in " + human(*flow.expires_in)
                                    : std::string("never");
    return fmt::format("still followed at the capture's end ({}), expires {}", moment(replay.end()), expires);
}

void print_steps(const replay::Flow& flow, Terminal& terminal) {
    Table table({{"TIME", 0, true}, {"SIDE"}, {"STATE"}, {"SEGMENT", 1}, {"WHY", 0, false, kNarrowestReason}},
                terminal.width, terminal.out);
    for (std::size_t i = 0; i < flow.steps.size(); ++i) {
        const flow::Step& step = flow.steps[i];
        table.add({moment(step.at), std::string(tcp::name(step.side)), std::string(tcp::name(step.state)),
                   replay::segment_text(step), replay::explain(flow.steps, i)});
    }
    table.finish();
    if (flow.steps_left_out > 0) terminal.out.write(fmt::format("and {} steps more\n", flow.steps_left_out));
}

/// " (2 truncated, 1 fragment)"
std::string refusals(const replay::Counts& counts) {
    std::string text;
    for (const tcp::ParseError error :
         {tcp::ParseError::truncated, tcp::ParseError::fragment, tcp::ParseError::bad_length}) {
        const std::uint64_t count = counts.unread[static_cast<std::size_t>(error)];
        if (count == 0) continue;
        text += fmt::format("{}{} {}", text.empty() ? " (" : ", ", count, tcp::name(error));
    }
    return text + ')';
}

}  // namespace

void print_flows(const replay::Replay& replay, Terminal& terminal) {
    Table table({{"FLOW", 0, true},
                 {"CLIENT", 0, false, kNarrowestEndpoint},
                 {"SERVER", 0, false, kNarrowestEndpoint},
                 {"STATES"},
                 {"CLOSER", 4},  // the states say it too
                 {"START", 2, true},
                 {"LASTED", 3, true},
                 {"POLICY", 1},
                 {"WOULD RESET"}},
                terminal.width, terminal.out);
    for (std::size_t i = 0; i < replay.flows().size() && !terminal.out.ended(); ++i) {
        const replay::Flow& flow = replay.flows()[i];
        table.add({std::to_string(i + 1), flow.subject.client.text(), flow.subject.server.text(),
                   states(flow), closer(flow), human(flow.opened.since_origin()),
                   human(flow.last_progress - flow.opened), std::string(flow.subject.policy), resets(flow)});
    }
    table.finish();
}

void print_timeline(const replay::Replay& replay, std::size_t index, Terminal& terminal) {
    const replay::Flow& flow = replay.flows()[index];
    const policy::Subject& subject = flow.subject;
    terminal.out.write(fmt::format("flow    {} (id {}){}\n", index + 1, flow.id.text(),
                                   flow.adopted ? ", picked up midway" : ""));
    terminal.out.write(
        fmt::format("client  {}  {}\n", subject.client.text(), tcp::name(subject.client_state)));
    terminal.out.write(
        fmt::format("server  {}  {}\n", subject.server.text(), tcp::name(subject.server_state)));
    terminal.out.write(fmt::format("closer  {}\n", closer(flow)));
    terminal.out.write(fmt::format("policy  {}\n", subject.policy));
    terminal.out.write(fmt::format("fate    {}\n\n", fate(replay, flow)));
    print_steps(flow, terminal);
    terminal.out.write("\n");
    print_resets(replay, flow, terminal.out);
}

std::string counted(std::uint64_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string summary_text(const replay::Replay& replay) {
    const replay::Counts counts = replay.counts();
    std::string text = fmt::format("{}: {} TCP", counted(counts.packets, "packet"), counts.tcp);
    const auto add = [&text](std::uint64_t count, std::string_view what) {
        if (count > 0) text += fmt::format(", {} {}", count, what);
    };
    add(counts.invalid, "of them invalid");
    add(counts.not_tcp(), "of other protocols");
    if (counts.refused() > 0) text += fmt::format(", {} not readable{}", counts.refused(), refusals(counts));
    add(counts.backwards, "with time stamps that run backwards");
    text += "; " + counted(replay.flows().size() + counts.left_out, "flow");
    add(counts.left_out, "of them past the limit (limits.flows) and not listed");
    add(counts.untracked, "packets without room for their flow");
    return text;
}

bool passed_something_over(const replay::Replay& replay) {
    const replay::Counts counts = replay.counts();
    return counts.refused() + counts.untracked + counts.left_out > 0;
}

}  // namespace finwait::ctl
