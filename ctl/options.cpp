#include "ctl/options.hpp"

#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace finwait::ctl {
namespace {

constexpr const char* kFilterHelp =
    "FILTER: state S, client-state S, server-state S, closer client|server, client CIDR, server CIDR, host "
    "CIDR,\n"
    "  port N, client-port N, idle > TIME, age > TIME, policy NAME, phase P; joined with and, or, not, ( )\n"
    "  for example: finwaitctl list state fin-wait-2 and idle '>' 5m\n"
    "ID: as list shows it, for example: finwaitctl explain 3f2a-17\n"
    "Exit status: 0 done, 1 failed or nothing matched, 2 bad command line, filter or configuration,\n"
    "  3 daemon not reachable, 4 not permitted";

/// What CLI11 fills in while it parses.
struct Words {
    std::vector<std::string> operand;
    Invocation call;
};

void add_operand(CLI::App& app, const Subcommand& subcommand, Words& words) {
    CLI::Option* option = nullptr;
    switch (subcommand.operand) {
        case Operand::none: return;
        case Operand::backend:
            app.add_option("--backend", words.call.backend,
                           "nftables or iptables; without it, the rules in force")
                ->check(CLI::IsMember({"nftables", "iptables"}));
            return;
        case Operand::policy:
            app.add_option("--resume", words.call.resume,
                           "Let this policy, which its breaker has stopped, go on");
            return;
        case Operand::victims:
            app.add_flag("-y,--yes", words.call.yes,
                         "Do not ask; needed where there is no terminal to ask on");
            app.add_flag_callback(
                "--no-wait", [&words] { words.call.wait = false; },
                "Ask for the ends and do not wait to see how each comes out");
            option =
                app.add_option("FILTER", words.operand, "Which flows; the words need no quotes but < > ( )");
            break;
        case Operand::listed:
            app.add_flag("-v,--verbose", words.call.verbose,
                         "Also the addresses by which the two sides know each other");
            [[fallthrough]];
        case Operand::filter:
            option =
                app.add_option("FILTER", words.operand, "Which flows; the words need no quotes but < > ( )");
            break;
        case Operand::id:
            option = app.add_option("ID", words.operand, "The flow's id, as list shows it")->expected(1);
            break;
        case Operand::file:
            app.add_flag("--system", words.call.system,
                         "Also look whether this machine is set up for it: conntrack, flowtables, kernel");
            option =
                app.add_option("FILE", words.operand, "By default /etc/finwaitd/finwaitd.toml")->expected(1);
            break;
        case Operand::capture:
            app.add_option("--flow", words.call.flow, "Show the timeline of one flow, by its number or id");
            app.add_option("--config", words.call.config,
                           "Say what this configuration's policies would do; by default the built-in ones");
            option = app.add_option("FILE", words.operand, "The capture; - for standard input")->expected(1);
            break;
    }
    option->required(subcommand.required);
}

std::string help_of(const Subcommand& subcommand) {
    const bool filters = subcommand.operand == Operand::filter || subcommand.operand == Operand::listed ||
                         subcommand.operand == Operand::victims;
    return std::string(subcommand.details) + (filters ? std::string("\n\n") + kFilterHelp : std::string());
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

}  // namespace

std::variant<Invocation, ExitCode> parse_command_line(int argc, const char* const* argv, Output& out,
                                                      Output& err) {
    Words words;
    words.call.subcommand = subcommands().data();
    words.call.socket = kDefaultSocket;
    CLI::App app("Inspects and steers finwaitd, which ends TCP connections orphaned in FIN_WAIT_2",
                 "finwaitctl");
    app.add_option("--socket", words.call.socket, "The daemon's control socket")->envname("FINWAITD_SOCKET");
    app.add_flag("--json", words.call.json, "Print JSON");
    // At most one: in "list policy web" the second word belongs to the filter.
    app.require_subcommand(0, 1);
    app.fallthrough();
    app.footer(kFilterHelp);
    for (const Subcommand& subcommand : subcommands()) {
        CLI::App* added = app.add_subcommand(std::string(subcommand.name), std::string(subcommand.help));
        add_operand(*added, subcommand, words);
        if (!subcommand.details.empty()) added->footer(help_of(subcommand));
        added->callback([&words, &subcommand] { words.call.subcommand = &subcommand; });
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& problem) {
        std::ostringstream help;
        std::ostringstream complaint;
        const int code = app.exit(problem, help, complaint);
        out.write(help.str());
        if (!complaint.str().empty()) err.write("finwaitctl: " + complaint.str());
        return code == 0 ? ExitCode::done : ExitCode::bad_input;
    }
    words.call.operand = joined(words.operand);
    if (words.call.subcommand->required && blank(words.call.operand)) {
        const bool capture = words.call.subcommand->operand == Operand::capture;
        err.write("finwaitctl: " + std::string(words.call.subcommand->name) + " must be told which " +
                  (capture ? "capture" : "flows") + "\n");
        return ExitCode::bad_input;
    }
    return words.call;
}

}  // namespace finwait::ctl
