#include "ctl/list.hpp"

#include "ctl/answers.hpp"
#include "ctl/flow_order.hpp"
#include "ctl/flow_printer.hpp"
#include "ctl/text.hpp"
#include "ctl/which_flows.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace finwait::ctl {

ExitCode list_flows(const Invocation& call, Terminal& terminal) {
    constexpr int numbers_too = 2;
    control::Request request;
    request.command = control::Command::list;
    if (!choose_flows(call.operand, request, terminal.err)) return ExitCode::bad_input;
    request.addresses = call.verbose > 0;
    request.sides = call.verbose >= numbers_too;

    const std::unique_ptr<FlowPrinter> printer = make_flow_printer(call, terminal);
    std::optional<FlowOrder> order;
    if (!call.sort.empty()) order.emplace(call.sort, call.limit);
    std::size_t matched = 0;
    std::vector<std::string> ids;  // when they are asked for
    const auto take = [&](std::string_view json) {
        ++matched;
        if (!request.ids.empty()) ids.push_back(text_at(parse_object(json), "id"));
        if (order) {
            order->add(json);
            return true;
        }
        printer->add(json);
        return !terminal.out.ended() && (!call.limit || matched < *call.limit);
    };
    const Answer answer = exchange(call.socket, request, take, terminal.err);
    const bool complete = answer.code == ExitCode::done;
    if (order && complete) order->take([&printer](std::string_view json) { printer->add(json); });
    printer->finish(complete);
    // Nothing at all on a terminal might as well be a daemon that sees nothing. Programs and files get what
    // there is.
    const bool for_people = terminal.width && !call.json && !call.tsv;
    if (complete && for_people && matched == 0 && request.ids.empty())
        terminal.err.write("finwaitctl: no flow matches\n");
    if (!complete || (call.limit && matched >= *call.limit)) return answer.code;
    return print_missing(call.socket, request.ids, ids, terminal.err);
}

}  // namespace finwait::ctl
