#include "ctl/events.hpp"

#include "ctl/answers.hpp"
#include "ctl/event_text.hpp"
#include "ctl/text.hpp"
#include "ctl/which_flows.hpp"

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace finwait::ctl {

namespace {

/// Says which of `ids` neither an event nor a flow has: failed where there is one, else done. `types` may
/// have left out events, so each id without one is asked for again.
ExitCode print_unknown(const std::string& socket, const std::vector<std::string>& ids,
                       const std::set<std::string>& seen, Output& err) {
    ExitCode code = ExitCode::done;
    for (const std::string& id : ids) {
        if (seen.contains(id) || !last_events(socket, id).empty()) continue;
        control::Request request;
        request.command = control::Command::count;
        request.ids = {id};
        const Answer answer = exchange(
            socket, request, [](std::string_view) { return true; }, err);
        if (answer.code != ExitCode::done) return answer.code;
        if (parse_object(answer.done).value("count", 0) > 0) continue;
        print_never(id, err);
        code = ExitCode::failed;
    }
    return code;
}

}  // namespace

ExitCode print_events(const Invocation& call, Terminal& terminal) {
    control::Request request;
    request.command = control::Command::events;
    if (!choose_flows(call.operand, request, terminal.err, policy::Purpose::event))
        return ExitCode::bad_input;
    request.types = call.types;
    request.follow = call.follow;
    request.fresh = call.fresh;
    std::set<std::string> seen;
    const auto take = [&](std::string_view json) {
        if (!request.ids.empty()) seen.insert(text_at(parse_object(json), "flow_id"));
        if (call.text)
            terminal.out.write(event_text(parse_object(json)));
        else
            terminal.out.write(std::string(json) + "\n");
        if (call.follow) terminal.out.flush();  // whoever follows sees it now
        return !terminal.out.ended();
    };
    const Answer answer = exchange(call.socket, request, take, terminal.err);
    if (parse_object(answer.done).value("stopped", false)) {
        terminal.out.flush();
        terminal.err.write("finwaitctl: finwaitd has stopped\n");
    }
    const bool complete = answer.code == ExitCode::done && !call.follow && !terminal.out.ended();
    if (!complete) return answer.code;
    terminal.out.flush();
    return print_unknown(call.socket, request.ids, seen, terminal.err);
}

}  // namespace finwait::ctl
