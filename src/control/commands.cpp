#include "control/commands.hpp"

#include "control/answer.hpp"
#include "control/event_commands.hpp"
#include "control/flow_commands.hpp"
#include "control/gather.hpp"
#include "control/policy_commands.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <utility>
#include <variant>

namespace finwait::control {
namespace {

namespace asio = boost::asio;

asio::awaitable<bool> stats(const Context& context, Writer& writer) {
    const std::variant<Totals, Error> gathered = co_await gather_totals(context);
    bool alive = false;
    if (const auto* error = std::get_if<Error>(&gathered)) {
        alive = co_await fail(writer, *error);
    } else {
        const std::string json = stats_json(std::get<Totals>(gathered));
        alive = co_await send(writer, data_line("stats", json) + done_line());
    }
    co_return alive;
}

/// The text of an answer that no shard is asked for.
std::string rules(const Context& context, const std::string& backend) {
    if (!backend.empty() && backend != "nftables" && backend != "iptables") {
        return error_line(
            {ErrorCode::filter, "backend \"" + backend + "\": allowed are nftables and iptables", 0});
    }
    if (!context.hooks.rules) return error_line({ErrorCode::failed, "this daemon has no rules to show", 0});
    const std::string text = context.hooks.rules(backend);
    return data_line("rules", R"({"backend":)" + control::json_string(backend) + R"(,"text":)" +
                                  control::json_string(text) + "}") +
           done_line();
}

/// An array of texts.
std::string notes_json(const Context& context) {
    std::string json = "[";
    if (context.hooks.reload_notes)
        for (const std::string& note : context.hooks.reload_notes())
            json += (json.size() > 1 ? "," : "") + control::json_string(note);
    return json + "]";
}

std::string reload(const Context& context, const Requester& by) {
    if (!context.hooks.reload) return error_line({ErrorCode::failed, "this daemon cannot reload", 0});
    const std::vector<std::string> problems = context.hooks.reload(by);
    if (problems.empty()) return done_line(R"({"notes":)" + notes_json(context) + "}");
    std::string text;
    for (const std::string& problem : problems) {
        text += data_line("problem", R"({"message":)" + control::json_string(problem) + "}");
    }
    return text + error_line({ErrorCode::config, "not reloaded", 0});
}

std::string version(const Context& context) {
    const std::string json =
        fmt::format(R"({{"version":{},"pid":{}}})", control::json_string(context.hooks.version),
                    static_cast<long>(::getpid()));
    return data_line("version", json) + done_line();
}

std::string config(const Context& context) {
    if (!context.hooks.config) return error_line({ErrorCode::failed, "this daemon has no configuration", 0});
    const ConfigText config = context.hooks.config();
    return data_line("config", R"({"file":)" + control::json_string(config.file) + R"(,"text":)" +
                                   control::json_string(config.text) + "}") +
           done_line();
}

asio::awaitable<bool> refuse(const Context& context, const Request& request, Writer& writer) {
    const Requester who = writer.requester();
    if (context.hooks.refused) context.hooks.refused(who, request);
    return fail(writer, context.access.refusal(request, who));
}

}  // namespace

asio::awaitable<bool> execute(const Context& context, const Request& request, Writer& writer) {
    if (changes(request) && !context.access.may_change(writer.credentials()))
        return refuse(context, request, writer);
    if (request.permission_only) return send(writer, done_line());
    switch (request.command) {
        case Command::list:
        case Command::count:
        case Command::kill:
        case Command::show:
        case Command::explain: return execute_on_flows(context, request, writer);
        case Command::events: return execute_on_events(context, request, writer);
        case Command::stats: return stats(context, writer);
        case Command::policy: return execute_on_policies(context, request, writer);
        case Command::rules: return send(writer, rules(context, request.backend));
        case Command::reload: return send(writer, reload(context, writer.requester()));
        case Command::version: return send(writer, version(context));
        case Command::config: return send(writer, config(context));
        case Command::ping: return send(writer, done_line());
    }
    return send(writer, error_line({ErrorCode::command, "not a command", 0}));
}

}  // namespace finwait::control
