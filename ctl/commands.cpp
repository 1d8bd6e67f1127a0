#include "ctl/commands.hpp"

#include "ctl/answers.hpp"
#include "ctl/check.hpp"
#include "ctl/check_system.hpp"
#include "ctl/events.hpp"
#include "ctl/explain_text.hpp"
#include "ctl/json_array.hpp"
#include "ctl/policy_text.hpp"
#include "ctl/show_text.hpp"
#include "ctl/stats_text.hpp"
#include "ctl/which_flows.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

using control::Command;
using control::Request;

Request request_of(Command command, const Invocation& call) {
    Request request;
    request.command = command;
    request.filter = call.operand;
    request.id = call.operand;
    request.backend = call.backend;
    request.resume = call.resume;
    return request;
}

/// Answers made of one object.
Answer ask_for_one(Command command, const Invocation& call, Output& out, Output& err,
                   void (*print)(const nlohmann::json&, Output&)) {
    const auto take = [&](std::string_view json) {
        if (call.json) {
            out.write((call.pretty ? indented(json) : std::string(json)) + "\n");
        } else {
            print(parse_object(json), out);
        }
        return true;
    };
    return exchange(call.socket, request_of(command, call), take, err);
}

ExitCode print_one(Command command, const Invocation& call, Terminal& terminal,
                   void (*print)(const nlohmann::json&, Output&)) {
    return ask_for_one(command, call, terminal.out, terminal.err, print).code;
}

/// What is known of a flow that is over: for people its last events, for programs an object with them.
void print_ended_flow(const Invocation& call, const std::vector<nlohmann::json>& events, Terminal& terminal) {
    terminal.err.write("finwaitctl: flow " + call.operand + " is over; its last events:\n");
    terminal.err.flush();
    if (!call.json) return terminal.out.write(text_of_events(events));
    const nlohmann::ordered_json object{{"id", call.operand}, {"ended", true}, {"last_events", events}};
    constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
    terminal.out.write(object.dump(call.pretty ? 2 : -1, ' ', false, replace) + "\n");
}

/// Of one flow. Of one that has ended lately the events still tell, and say why it has gone; the exit status
/// says that there is no such flow any more.
ExitCode print_flow_answer(Command command, const Invocation& call, Terminal& terminal,
                           void (*print)(const nlohmann::json&, Output&)) {
    std::string said;
    Output kept(said);
    const Answer answer = ask_for_one(command, call, terminal.out, kept, print);
    kept.flush();
    std::vector<nlohmann::json> events;
    if (answer.error == control::ErrorCode::not_found) events = last_events(call.socket, call.operand);
    if (events.empty())
        terminal.err.write(said);
    else
        print_ended_flow(call, events, terminal);
    return answer.code;
}

std::string resume_text(const std::string& policy, bool resumed) {
    if (resumed) return "finwaitctl: policy " + policy + " goes on\n";
    return "finwaitctl: policy " + policy + " was not stopped: nothing has changed\n";
}

/// The mode first, then a table, and below it what that cannot say.
void print_policies(const std::vector<nlohmann::json>& policies, const std::string& mode,
                    Terminal& terminal) {
    std::string notes;
    Table table(policy_columns(), terminal.width, terminal.out, {true, terminal.colours});
    for (const nlohmann::json& policy : policies) {
        table.add(policy_row(policy));
        notes += policy_notes(policy);
    }
    terminal.out.write(mode_line(mode));
    table.finish();
    if (!notes.empty()) terminal.out.write("\n" + notes);
}

void print_rules(const nlohmann::json& rules, Output& out) {
    const std::string text = rules.value("text", std::string());
    out.write(text);
    if (!text.empty() && !text.ends_with('\n')) out.write("\n");
}

}  // namespace

ExitCode show(const Invocation& call, Terminal& terminal) {
    return print_flow_answer(Command::show, call, terminal, &print_flow);
}

ExitCode explain(const Invocation& call, Terminal& terminal) {
    return print_flow_answer(Command::explain, call, terminal, &print_explanation);
}

ExitCode stats(const Invocation& call, Terminal& terminal) {
    return print_one(Command::stats, call, terminal, &print_stats);
}

ExitCode policies(const Invocation& call, Terminal& terminal) {
    std::vector<nlohmann::json> found;
    JsonArray array(terminal.out, call.pretty);
    const auto take = [&](std::string_view json) {
        if (call.json)
            array.add(json);
        else
            found.push_back(parse_object(json));
        return !terminal.out.ended();
    };
    const Answer answer = exchange(call.socket, request_of(Command::policy, call), take, terminal.err);
    if (answer.code != ExitCode::done) return answer.code;
    const nlohmann::json done = parse_object(answer.done);
    if (call.json)
        array.finish();
    else
        print_policies(found, done.value("mode", std::string()), terminal);
    if (done.contains("resumed")) terminal.err.write(resume_text(call.resume, done["resumed"] == true));
    return answer.code;
}

ExitCode rules(const Invocation& call, Terminal& terminal) {
    return print_one(Command::rules, call, terminal, &print_rules);
}

ExitCode reload(const Invocation& call, Terminal& terminal) {
    JsonArray problems(terminal.out, call.pretty);
    const auto take = [&](std::string_view json) {
        if (call.json) {
            problems.add(json);
        } else {
            terminal.err.write(parse_object(json).value("message", std::string()) + "\n");
        }
        return true;
    };
    const Answer answer = exchange(call.socket, request_of(Command::reload, call), take, terminal.err);
    const bool answered = answer.code == ExitCode::done || answer.code == ExitCode::bad_input;
    if (call.json && answered) problems.finish();
    if (!call.json && answer.code == ExitCode::done) terminal.out.write("reloaded\n");
    terminal.out.flush();
    for (const nlohmann::json& note : parse_object(answer.done).value("notes", nlohmann::json::array()))
        if (note.is_string()) terminal.err.write("warning: " + note.get<std::string>() + "\n");
    return answer.code;
}

ExitCode check(const Invocation& call, Terminal& terminal) {
    if (call.system) return check_system(call.operand, call, terminal.out, terminal.err);
    return check_config(call.operand.empty() ? kDefaultConfig : call.operand, call, terminal.out,
                        terminal.err);
}

ExitCode version(const Invocation& call, Terminal& terminal) {
    nlohmann::json versions{{"finwaitctl", FINWAITD_VERSION}, {"finwaitd", nullptr}};
    const auto take = [&](std::string_view json) {
        versions["finwaitd"] = parse_object(json).value("version", std::string());
        return true;
    };
    if (!call.json) terminal.out.write("finwaitctl " FINWAITD_VERSION "\n");
    const Answer answer = exchange(call.socket, request_of(Command::version, call), take, terminal.err);
    if (call.json) {
        terminal.out.write((call.pretty ? versions.dump(2) : versions.dump()) + "\n");
    } else if (versions["finwaitd"].is_string()) {
        terminal.out.write("finwaitd " + versions["finwaitd"].get<std::string>() + "\n");
    }
    return answer.code;
}

}  // namespace finwait::ctl
