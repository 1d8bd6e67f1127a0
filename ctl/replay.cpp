#include "ctl/replay.hpp"

#include "config/load.hpp"
#include "ctl/json_array.hpp"
#include "ctl/replay_json.hpp"
#include "ctl/replay_text.hpp"
#include "replay/link.hpp"
#include "replay/replay.hpp"

#include <charconv>
#include <fmt/format.h>
#include <optional>

namespace finwait::ctl {
namespace {

/// The options that a configuration asks for, the built-in ones without; empty after its errors were printed.
std::optional<replay::Options> load_options(const std::string& file, Output& err) {
    replay::Options options;
    if (file.empty()) return options;
    config::Result result = config::load(file);
    if (const auto* errors = std::get_if<std::vector<config::Error>>(&result)) {
        for (const config::Error& error : *errors)
            err.write(error.illustrated() + "\n");
        return std::nullopt;
    }
    auto& settings = std::get<config::Settings>(result);
    options.policies = policy::PolicySet(std::move(settings.policies), settings.timeouts);
    options.max_flows = settings.limits.flows;
    return options;
}

/// The flow's place in the listing; by its number there, from 1, or by its id.
std::optional<std::size_t> find_flow(const replay::Replay& replay, const std::string& text) {
    std::size_t number = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec == std::errc() && read.ptr == end)
        return number >= 1 && number <= replay.flows().size() ? std::optional(number - 1) : std::nullopt;
    const auto id = engine::FlowId::parse(text);
    for (std::size_t i = 0; id && i < replay.flows().size(); ++i) {
        if (replay.flows()[i].id == *id) return i;
    }
    return std::nullopt;
}

void print_json(const replay::Replay& replay, std::optional<std::size_t> only, const Invocation& call,
                Output& out) {
    JsonArray array(out, call.pretty);
    std::string text;
    for (std::size_t i = 0; i < replay.flows().size(); ++i) {
        if (only && i != *only) continue;
        text.clear();
        append_replayed(text, replay, i);
        array.add(text);
    }
    array.finish();
}

ExitCode print(const Invocation& call, const replay::Replay& replay, Terminal& terminal) {
    std::optional<std::size_t> only;
    if (!call.flow.empty()) {
        only = find_flow(replay, call.flow);
        if (!only) {
            terminal.err.write(fmt::format("finwaitctl: no flow {}: the capture has {}\n", call.flow,
                                           counted(replay.flows().size(), "flow")));
            return ExitCode::failed;
        }
    }
    if (call.json) {
        print_json(replay, only, call, terminal.out);
    } else if (only) {
        print_timeline(replay, *only, terminal);
    } else {
        print_flows(replay, terminal);
    }
    return ExitCode::done;
}

/// Beneath the listing always; of a JSON array or one flow's timeline the reader expects nothing more, and is
/// told only when something is missing.
void print_summary(const Invocation& call, const replay::Replay& replay, Terminal& terminal) {
    const std::string text = summary_text(replay);
    const bool listing = !call.json && call.flow.empty();
    if (listing) terminal.out.write((replay.flows().empty() ? "" : "\n") + text + "\n");
    terminal.out.flush();
    if (!listing && passed_something_over(replay)) terminal.err.write("finwaitctl: " + text + "\n");
}

}  // namespace

ExitCode replay_capture(const Invocation& call, Terminal& terminal) {
    std::optional<replay::Options> options = load_options(call.config, terminal.err);
    if (!options) return ExitCode::bad_input;
    const std::string name = call.operand == "-" ? "standard input" : call.operand;
    auto opened = replay::Capture::open(call.operand);
    if (const auto* why = std::get_if<std::string>(&opened)) {
        terminal.err.write(fmt::format("finwaitctl: {}: {}\n", name, *why));
        return ExitCode::failed;
    }
    auto& capture = std::get<replay::Capture>(opened);
    if (!replay::is_known_link(capture.link_type())) {
        terminal.err.write(fmt::format("finwaitctl: {}: link type {} cannot be read; supported are {}\n",
                                       name, replay::link_text(capture.link_type()), replay::kLinkTypes));
        return ExitCode::failed;
    }
    replay::Replay replay(std::move(*options));
    replay.run(capture);
    const ExitCode code = print(call, replay, terminal);
    print_summary(call, replay, terminal);
    if (capture.problem().empty()) return code;
    terminal.err.write(fmt::format("finwaitctl: {}: {}\n", name, capture.problem()));
    return ExitCode::failed;
}

}  // namespace finwait::ctl
