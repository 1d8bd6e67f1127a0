#include "ctl/events.hpp"

#include "ctl/answers.hpp"
#include "ctl/event_text.hpp"
#include "ctl/which_flows.hpp"

#include <nlohmann/json.hpp>

namespace finwait::ctl {

ExitCode print_events(const Invocation& call, Terminal& terminal) {
    control::Request request;
    request.command = control::Command::events;
    if (!choose_flows(call.operand, request, terminal.err, policy::Purpose::event))
        return ExitCode::bad_input;
    request.types = call.types;
    request.follow = call.follow;
    request.fresh = call.fresh;
    const auto take = [&](std::string_view json) {
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
    return answer.code;
}

}  // namespace finwait::ctl
