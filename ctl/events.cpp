#include "ctl/events.hpp"

#include "ctl/answers.hpp"
#include "ctl/event_text.hpp"

#include <nlohmann/json.hpp>

namespace finwait::ctl {

ExitCode print_events(const Invocation& call, Terminal& terminal) {
    if (!check_filter(call.operand, terminal.err, policy::Purpose::event)) return ExitCode::bad_input;
    control::Request request;
    request.command = control::Command::events;
    request.filter = call.operand;
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
    return exchange(call.socket, request, take, terminal.err).code;
}

}  // namespace finwait::ctl
