#include "ctl/subcommands.hpp"

#include "ctl/commands.hpp"
#include "ctl/count.hpp"
#include "ctl/events.hpp"
#include "ctl/help_texts.hpp"
#include "ctl/kill.hpp"
#include "ctl/list.hpp"
#include "ctl/replay.hpp"
#include "ctl/top/top.hpp"

#include <array>

namespace finwait::ctl {
namespace {

constexpr std::array kSubcommands = {
    Subcommand{"list", Operand::listed, false, "List flows, all or those that match FILTER", &list_flows,
               help::kListDetails, help::kListExamples},
    Subcommand{"show", Operand::id, true, "Show all that is known of one flow", &show, help::kShowDetails,
               help::kShowExamples},
    Subcommand{"explain", Operand::id, true,
               "Say why a flow stands as it does, what keeps it from being ended, and what happens next",
               &explain, help::kExplainDetails, help::kExplainExamples},
    Subcommand{
        "kill", Operand::victims, true,
        "Show the flows that match FILTER, ask, end them with pairs of RSTs, and tell how each came out",
        &kill_flows, help::kKillDetails, help::kKillExamples},
    Subcommand{"count", Operand::counted, false, "Count flows, all or those that match FILTER", &count_flows,
               help::kCountDetails, help::kCountExamples},
    Subcommand{"top",
               Operand::filter,
               false,
               "Watch flows on the whole terminal: sort, filter, open one, end it; ? there for help",
               &run_top,
               {},
               help::kTopExamples},
    Subcommand{"events", Operand::events, false, "Print what has happened to flows; --follow goes on",
               &print_events, help::kEventsDetails, help::kEventsExamples},
    Subcommand{"stats", Operand::none, false, "Show the daemon's counters", &stats, {}, help::kStatsExamples},
    Subcommand{"policy",
               Operand::policy,
               false,
               "Show the policies in force and what each has done",
               &policies,
               {},
               help::kPolicyExamples},
    Subcommand{"rules",
               Operand::backend,
               false,
               "Print the firewall rules in force, or those for a backend",
               &rules,
               {},
               help::kRulesExamples},
    Subcommand{"reload",
               Operand::none,
               false,
               "Make the daemon read its configuration again",
               &reload,
               {},
               help::kReloadExamples},
    Subcommand{"check", Operand::file, false, "Validate a configuration file, without a daemon", &check,
               help::kCheckDetails, help::kCheckExamples},
    Subcommand{"replay",
               Operand::capture,
               true,
               "Follow the flows in a pcap or pcapng capture, without a daemon",
               &replay_capture,
               {},
               help::kReplayExamples},
    Subcommand{"version",
               Operand::none,
               false,
               "Print the versions of finwaitctl and of the daemon",
               &version,
               {},
               help::kVersionExamples},
};

}  // namespace

std::span<const Subcommand> subcommands() {
    return kSubcommands;
}

}  // namespace finwait::ctl
