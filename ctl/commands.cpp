#include "ctl/commands.hpp"

#include "ctl/answers.hpp"
#include "ctl/check.hpp"
#include "ctl/check_system.hpp"
#include "ctl/explain_text.hpp"
#include "ctl/flow_table.hpp"
#include "ctl/json_array.hpp"
#include "ctl/kill.hpp"
#include "ctl/policy_text.hpp"
#include "ctl/replay.hpp"
#include "ctl/show_text.hpp"
#include "ctl/stats_text.hpp"

#include <array>
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
    request.addresses = call.verbose;
    return request;
}

/// Answers made of one object a line: as a JSON array, or as a table of rows.
Answer print_all(Command command, const Invocation& call, Terminal& terminal, std::vector<Column> columns,
                 Row (*row)(const nlohmann::json&)) {
    JsonArray array(terminal.out);
    Table table(std::move(columns), terminal.width, terminal.out);
    const auto take = [&](std::string_view json) {
        if (call.json) {
            array.add(json);
        } else {
            table.add(row(parse_object(json)));
        }
        return !terminal.out.ended();
    };
    Answer answer = exchange(call.socket, request_of(command, call), take, terminal.err);
    if (!call.json) {
        table.finish();
    } else if (answer.code == ExitCode::done) {
        array.finish();
    }
    return answer;
}

/// Answers made of one object.
ExitCode print_one(Command command, const Invocation& call, Terminal& terminal,
                   void (*print)(const nlohmann::json&, Output&)) {
    const auto take = [&](std::string_view json) {
        if (call.json) {
            terminal.out.write(std::string(json) + "\n");
        } else {
            print(parse_object(json), terminal.out);
        }
        return true;
    };
    return exchange(call.socket, request_of(command, call), take, terminal.err).code;
}

ExitCode list(const Invocation& call, Terminal& terminal) {
    if (!check_filter(call.operand, terminal.err)) return ExitCode::bad_input;
    if (call.verbose) return print_all(Command::list, call, terminal, verbose_columns(), &verbose_row).code;
    return print_all(Command::list, call, terminal, flow_columns(), &flow_row).code;
}

ExitCode show(const Invocation& call, Terminal& terminal) {
    return print_one(Command::show, call, terminal, &print_flow);
}

ExitCode explain(const Invocation& call, Terminal& terminal) {
    return print_one(Command::explain, call, terminal, &print_explanation);
}

ExitCode count(const Invocation& call, Terminal& terminal) {
    if (!check_filter(call.operand, terminal.err)) return ExitCode::bad_input;
    const auto take = [](std::string_view) { return true; };
    const Answer answer = exchange(call.socket, request_of(Command::count, call), take, terminal.err);
    if (answer.code != ExitCode::done) return answer.code;
    const std::size_t flows = parse_object(answer.done).value("count", std::size_t{0});
    terminal.out.write(call.json ? fmt::format("{{\"count\":{}}}\n", flows) : fmt::format("{}\n", flows));
    return ExitCode::done;
}

ExitCode stats(const Invocation& call, Terminal& terminal) {
    return print_one(Command::stats, call, terminal, &print_stats);
}

ExitCode policies(const Invocation& call, Terminal& terminal) {
    std::string notes;
    JsonArray array(terminal.out);
    Table table(policy_columns(), terminal.width, terminal.out);
    const auto take = [&](std::string_view json) {
        if (call.json) {
            array.add(json);
            return !terminal.out.ended();
        }
        const nlohmann::json policy = parse_object(json);
        table.add(policy_row(policy));
        notes += policy_notes(policy);
        return !terminal.out.ended();
    };
    const Answer answer = exchange(call.socket, request_of(Command::policy, call), take, terminal.err);
    if (answer.code != ExitCode::done) return answer.code;
    if (call.json) {
        array.finish();
    } else {
        table.finish();
        if (!notes.empty()) terminal.out.write("\n" + notes);
    }
    return answer.code;
}

void print_rules(const nlohmann::json& rules, Output& out) {
    const std::string text = rules.value("text", std::string());
    out.write(text);
    if (!text.empty() && !text.ends_with('\n')) out.write("\n");
}

ExitCode rules(const Invocation& call, Terminal& terminal) {
    return print_one(Command::rules, call, terminal, &print_rules);
}

ExitCode reload(const Invocation& call, Terminal& terminal) {
    JsonArray problems(terminal.out);
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
    return answer.code;
}

ExitCode check(const Invocation& call, Terminal& terminal) {
    const std::string file = call.operand.empty() ? kDefaultConfig : call.operand;
    const auto run = call.system ? &check_system : &check_config;
    return run(file, call.json, terminal.out, terminal.err);
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
        terminal.out.write(versions.dump() + "\n");
    } else if (versions["finwaitd"].is_string()) {
        terminal.out.write("finwaitd " + versions["finwaitd"].get<std::string>() + "\n");
    }
    return answer.code;
}

constexpr std::string_view kListDetails =
    "CLIENT and SERVER are each side's own address. With -v also what each side takes its peer to be, which "
    "NAT "
    "makes\n"
    "another one: conntrack is asked for it, and \"-\" stands for a connection that it does not know (any "
    "more). "
    "With\n"
    "--json that is \"sees\" of \"client\" and \"server\", an object with \"addr\" and \"port\", or null.";

constexpr std::string_view kExplainDetails =
    "Shows both sides with their numbers; the policy in force, which predicates of its match hold (\"yes\") "
    "and on\n"
    "which the answer rests (\"decides\"), and why the policies before it do not match; what the two sides "
    "have\n"
    "answered so far; what keeps the flow from being ended now; and what finwaitd will do next, with an "
    "answer and\n"
    "without. --json gives the same as data: \"next\" is what comes while nobody answers, \"if_answered\" if "
    "all do.\n"
    "Nothing is changed and nothing is sent.";

constexpr std::string_view kKillDetails =
    "Ends exactly the flows that it has shown, with the numbers that each side expects, at the next moment "
    "at which\n"
    "nothing is on its way between them, and waits until each outcome is known:\n"
    "  confirmed    reset, and gone from both ends\n"
    "  unconfirmed  reset; nobody answers to say that it is gone, or that it is not\n"
    "  refused      a side lives on in spite of every RST\n"
    "  closed       it was over by itself\n"
    "  vanished     gone before its end was seen\n"
    "  left         it cannot be ended, and why\n"
    "  pending      not over after 15 seconds without anything new, or not waited for\n"
    "Exit status 0 when no flow lives on, 1 when one does, nothing matched or the answer was no, 2 when "
    "there was\n"
    "nobody to ask and no --yes. It works with mode = \"observe\" too.";

constexpr std::array kSubcommands = {
    Subcommand{"list", Operand::listed, false, "List flows, all or those that match FILTER", &list,
               kListDetails},
    Subcommand{"show", Operand::id, true, "Show all that is known of one flow", &show},
    Subcommand{"explain", Operand::id, true,
               "Say why a flow stands as it does, what keeps it from being ended, and what happens next",
               &explain, kExplainDetails},
    Subcommand{
        "kill", Operand::victims, true,
        "Show the flows that match FILTER, ask, end them with pairs of RSTs, and tell how each came out",
        &kill_flows, kKillDetails},
    Subcommand{"count", Operand::filter, false, "Count flows, all or those that match FILTER", &count},
    Subcommand{"stats", Operand::none, false, "Show the daemon's counters", &stats},
    Subcommand{"policy", Operand::policy, false, "Show the policies in force and what each has done",
               &policies},
    Subcommand{"rules", Operand::backend, false, "Print the firewall rules in force, or those for a backend",
               &rules},
    Subcommand{"reload", Operand::none, false, "Have the daemon read its configuration anew", &reload},
    Subcommand{"check", Operand::file, false, "Validate a configuration file, without a daemon", &check},
    Subcommand{"replay", Operand::capture, true,
               "Follow the flows in a pcap or pcapng capture, without a daemon", &replay_capture},
    Subcommand{"version", Operand::none, false, "Print the versions of finwaitctl and of the daemon",
               &version},
};

}  // namespace

std::span<const Subcommand> subcommands() {
    return kSubcommands;
}

}  // namespace finwait::ctl
