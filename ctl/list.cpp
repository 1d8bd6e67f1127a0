#include "ctl/list.hpp"

#include "ctl/answers.hpp"
#include "ctl/flow_order.hpp"
#include "ctl/flow_printer.hpp"

#include <memory>
#include <optional>

namespace finwait::ctl {

ExitCode list_flows(const Invocation& call, Terminal& terminal) {
    if (!check_filter(call.operand, terminal.err)) return ExitCode::bad_input;
    control::Request request;
    request.command = control::Command::list;
    request.filter = call.operand;
    request.addresses = call.verbose > 0;

    const std::unique_ptr<FlowPrinter> printer = make_flow_printer(call, terminal);
    std::optional<FlowOrder> order;
    if (!call.sort.empty()) order.emplace(call.sort, call.limit);
    std::size_t seen = 0;
    const auto take = [&](std::string_view json) {
        if (order) {
            order->add(json);
            return true;
        }
        printer->add(json);
        ++seen;
        return !terminal.out.ended() && (!call.limit || seen < *call.limit);
    };
    const Answer answer = exchange(call.socket, request, take, terminal.err);
    const bool complete = answer.code == ExitCode::done;
    if (order && complete) order->take([&printer](std::string_view json) { printer->add(json); });
    printer->finish(complete);
    return answer.code;
}

}  // namespace finwait::ctl
