#include "control/policy_commands.hpp"

#include "control/answer.hpp"
#include "control/gather.hpp"

#include <utility>
#include <variant>

namespace finwait::control {

namespace asio = boost::asio;

namespace {

std::string last_line(const Context& context, const Request& request, const PolicyAnswer& answer) {
    std::string members;
    if (!request.resume.empty()) members = answer.resumed ? R"("resumed":true)" : R"("resumed":false)";
    if (context.hooks.mode)
        members += (members.empty() ? "" : ",") + (R"("mode":)" + json_string(context.hooks.mode()));
    return done_line("{" + members + "}");
}

}  // namespace

asio::awaitable<bool> execute_on_policies(const Context& context, const Request& request, Writer& writer) {
    const std::variant<PolicyAnswer, Error> gathered = co_await gather_policies(context, request.resume);
    bool alive = false;
    if (const auto* error = std::get_if<Error>(&gathered)) {
        alive = co_await fail(writer, *error);
        co_return alive;
    }
    const auto& answer = std::get<PolicyAnswer>(gathered);
    if (answer.resumed && context.hooks.resumed) context.hooks.resumed(writer.requester(), request.resume);
    std::string text;
    for (const PolicyRow& row : answer.rows)
        text += data_line("policy", policy_json(row.policy, row.counts));
    text += last_line(context, request, answer);
    alive = co_await writer.write(text);
    co_return alive;
}

}  // namespace finwait::control
