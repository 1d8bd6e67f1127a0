#include "ctl/options.hpp"

#include "ctl/complaint.hpp"
#include "ctl/flow_fields.hpp"
#include "ctl/help_texts.hpp"
#include "ctl/validators.hpp"
#include "policy/words.hpp"

#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

namespace finwait::ctl {
namespace {

/// What CLI11 fills in while it parses.
struct Words {
    std::vector<std::string> operand;
    std::string json;    // "true" for --json without a value
    std::string format;  // of -o
    std::string colour;
    std::size_t limit = 0;
    bool no_header = false;
    const Subcommand* subcommand = subcommands().data();
    Invocation call;
};

CLI::Option* add_filter(CLI::App& app, Words& words) {
    return app.add_option("FILTER", words.operand, "Which flows, by a filter or by ids; by default all");
}

/// Without ids: a filter can be changed while top runs.
CLI::Option* add_filter_only(CLI::App& app, Words& words) {
    return app.add_option("FILTER", words.operand, "Which flows, by a filter, not by ids; by default all");
}

void add_limit(CLI::App& app, Words& words, const char* what) {
    app.add_option("--limit", words.limit, what)->type_name("N")->check(number_up_to(1'000'000'000));
}

void add_no_header(CLI::App& app, Words& words) {
    app.add_flag("-H,--no-header", words.no_header, "Leave out the line with the columns' names");
}

void add_list_options(CLI::App& app, Words& words) {
    app.add_flag("-v,--verbose", words.call.verbose,
                 "Also the addresses by which the two sides know each\nother; -vv: and what else is known, "
                 "on a line below");
    app.add_option("--sort", words.call.sort, "Sort by FIELD, or by -FIELD: the greatest first")
        ->type_name("FIELD")
        ->check(one_of_sort_words());
    add_limit(app, words, "At most N flows; with --sort the first N of all");
    app.add_option("-o,--output", words.format, "table, json, or tsv: tab-separated fields in a fixed order")
        ->type_name("FORMAT")
        ->check(one_of({"table", "json", "tsv"}));
    app.add_flag("-r,--resolve", words.call.resolve,
                 "Names for addresses and ports, in the table; of at most\n1000 addresses, within 5 seconds");
    add_no_header(app, words);
}

/// Of a subcommand, what it takes besides the options that all have.
void add_operand(CLI::App& app, const Subcommand& subcommand, Words& words) {
    CLI::Option* option = nullptr;
    switch (subcommand.operand) {
        case Operand::none: return;
        case Operand::backend:
            app.add_option("--backend", words.call.backend,
                           "nftables or iptables; without it, the rules in force")
                ->type_name("BACKEND")
                ->check(one_of({"nftables", "iptables"}));
            return;
        case Operand::policy:
            app.add_option("--resume", words.call.resume,
                           "Let this policy, which its breaker has stopped, go on")
                ->type_name("NAME")
                ->check(not_empty("the name of a policy"));
            return;
        case Operand::victims:
            app.add_flag("-y,--yes", words.call.yes,
                         "Do not ask; needed where there is no terminal to ask on");
            app.add_flag_callback(
                "--no-wait", [&words] { words.call.wait = false; },
                "Ask for the ends and do not wait to see how each comes out");
            option = app.add_option("FILTER", words.operand, "Which flows, by a filter or by ids");
            break;
        case Operand::events:
            app.add_flag("-f,--follow", words.call.follow,
                         "Go on as events happen, until interrupted or until\nthe daemon stops");
            app.add_flag("--new", words.call.fresh, "Leave out what happened before");
            app.add_option("--type", words.call.types, "Only events of these types, as in \"event_type\"")
                ->delimiter(',')
                ->allow_extra_args(false);
            app.add_flag("--text", words.call.text, "One line for people instead of JSON");
            option = app.add_option("FILTER", words.operand, "Of which flows, by a filter or by ids");
            break;
        case Operand::filter: option = add_filter_only(app, words); break;
        case Operand::listed:
            add_list_options(app, words);
            option = add_filter(app, words);
            break;
        case Operand::counted:
            app.add_option("--by", words.call.by, "How many of each " + policy::listed(control::kGroupings))
                ->type_name("WHAT")
                ->check(one_of({control::kGroupings.begin(), control::kGroupings.end()}));
            add_limit(app, words, "With --by: only the N largest groups");
            add_no_header(app, words);
            option = add_filter(app, words);
            break;
        case Operand::id:
            option = app.add_option("ID", words.operand, "The flow's id, as list shows it")->expected(1);
            break;
        case Operand::file:
            app.add_flag(
                "--system", words.call.system,
                "Look instead whether this machine is set up for it:\nconntrack, flowtables, kernel");
            option = app.add_option(
                            "FILE", words.operand,
                            "By default /etc/finwaitd/finwaitd.toml; with --system\nwhat is in force in the "
                            "daemon, if one runs")
                         ->expected(1);
            break;
        case Operand::capture:
            app.add_option("--flow", words.call.flow, "Show the timeline of one flow, by its number or id")
                ->type_name("FLOW");
            app.add_option("--config", words.call.config,
                           "Say what this configuration's policies would do;\nby default the built-in ones")
                ->type_name("FILE");
            option = app.add_option("FILE", words.operand, "The capture; - for standard input")->expected(1);
            break;
    }
    option->type_name("")->required(subcommand.required);
}

std::string help_of(const Subcommand& subcommand) {
    const bool filters = subcommand.operand == Operand::counted || subcommand.operand == Operand::listed ||
                         subcommand.operand == Operand::victims || subcommand.operand == Operand::events ||
                         subcommand.operand == Operand::filter;
    std::string text;
    if (!subcommand.details.empty()) text += std::string(subcommand.details) + "\n\n";
    if (subcommand.operand == Operand::listed)
        text += "FIELD is one of\n  " + policy::listed(sort_words()) +
                ".\nWhat is not known stands last either way.\n\n";
    if (filters) text += std::string(help::kFilterHelp) + "\n";
    // What top shows must have an order and a filter to be changed.
    if (filters) text += subcommand.operand == Operand::filter ? "\n" : std::string(help::kIdsHelp) + "\n\n";
    if (!subcommand.examples.empty()) text += "Examples:\n" + std::string(subcommand.examples) + "\n";
    return text + std::string(help::kCommonHelp);
}

void add_common_options(CLI::App& app, Words& words) {
    app.add_option("--socket", words.call.socket,
                   "The daemon's control socket, by default " + std::string(kDefaultSocket))
        ->type_name("PATH")
        ->envname("FINWAITD_SOCKET");
    app.add_flag("--json", words.json, "Print JSON; --json=pretty: indented")->check(pretty_or_nothing());
    app.add_option("--color", words.colour,
                   "auto, always or never; auto: on a terminal, unless NO_COLOR is set")
        ->type_name("WHEN")
        ->check(one_of({"auto", "always", "never"}));
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        if (!text.empty()) text += ' ';
        text += word;
    }
    return text;
}

bool blank(const std::string& text) {
    return text.find_first_not_of(" \t\n") == std::string::npos;
}

Invocation invocation_of(const Words& words) {
    Invocation call = words.call;
    call.operand = joined(words.operand);
    call.json = !words.json.empty() || words.format == "json";
    call.pretty = words.json == "pretty";
    call.tsv = words.format == "tsv";
    call.header = !words.no_header;
    if (words.limit != 0) call.limit = words.limit;
    if (words.colour == "always") call.colours = Colours::always;
    if (words.colour == "never") call.colours = Colours::never;
    return call;
}

/// What options contradict each other, or is missing; empty when all is well.
std::string contradiction(const Words& words, const Invocation& call) {
    const std::string name(words.subcommand->name);
    if (!words.json.empty() && !words.format.empty() && words.format != "json")
        return "either --json or --output " + words.format + ": not both";
    if (call.resolve && (call.json || call.tsv))
        return "--resolve is for the table: programs get addresses and port numbers";
    if (call.limit && name == "count" && call.by.empty()) return "--limit of count needs --by";
    if (words.subcommand->required && blank(call.operand)) {
        const bool capture = words.subcommand->operand == Operand::capture;
        return name + " must be told which " + (capture ? "capture" : "flows");
    }
    return {};
}

}  // namespace

std::variant<CommandLine, ExitCode> parse_command_line(int argc, const char* const* argv, Output& out,
                                                       Output& err) {
    Words words;
    words.call.socket = kDefaultSocket;
    CLI::App app("Inspects and steers finwaitd, which ends TCP connections orphaned in FIN_WAIT_2",
                 "finwaitctl");
    add_common_options(app, words);
    app.set_version_flag("--version", FINWAITD_VERSION, "Print the version of finwaitctl, and end");
    // At most one: in "list policy web" the second word belongs to the filter.
    app.require_subcommand(0, 1);
    app.fallthrough();
    app.footer(std::string(help::kProgramExamples) + std::string(help::kExitHelp));
    for (const Subcommand& subcommand : subcommands()) {
        CLI::App* added = app.add_subcommand(std::string(subcommand.name), std::string(subcommand.help));
        add_operand(*added, subcommand, words);
        added->footer(help_of(subcommand));
        added->callback([&words, &subcommand] { words.subcommand = &subcommand; });
    }
    const auto refuse = [&err](const std::string& why) {
        err.write("finwaitctl: " + why + "\n");
        return ExitCode::bad_input;
    };
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForVersion&) {
        out.write("finwaitctl " FINWAITD_VERSION "\n");
        return ExitCode::done;
    } catch (const CLI::Success&) {
        out.write(app.help());
        return ExitCode::done;
    } catch (const CLI::ParseError& problem) {
        return refuse(complaint(app, problem, std::span(argv, static_cast<std::size_t>(argc))) +
                      "\nRun finwaitctl --help, or finwaitctl SUBCOMMAND --help, for more.");
    }
    Invocation call = invocation_of(words);
    if (const std::string why = contradiction(words, call); !why.empty()) return refuse(why);
    return CommandLine{words.subcommand, std::move(call)};
}

}  // namespace finwait::ctl
