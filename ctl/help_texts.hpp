// What --help says besides the options: of finwaitctl, of what subcommands share, and of each subcommand
// particulars and examples to start from.
#pragma once

#include <string_view>

namespace finwait::ctl::help {

inline constexpr std::string_view kFilterHelp =
    "FILTER is made of\n"
    "  state S, client-state S, server-state S    S as in ss: fin-wait-2, close-wait, ...\n"
    "  client CIDR, server CIDR, host CIDR        10.0.0.0/8, 2001:db8::1\n"
    "  port N, client-port N                      port is the server's\n"
    "  closer client|server                       who closed first, of half-closed flows\n"
    "  idle gt TIME, age gt TIME                  also ge lt le, or > >= < <= in quotes; 30s, 5m, 2h4m, 1d\n"
    "  policy NAME, phase P\n"
    "joined with and, or, not, ( ). \"ne\" before a value means any other: port ne 22. The words need no\n"
    "quotes but < > ( ).";

inline constexpr std::string_view kIdsHelp =
    "Instead of a FILTER the flows' ids will do, one or more, as list shows them: 3f2a-17 4-2.";

inline constexpr std::string_view kExitHelp =
    "Exit status: 0 done, 1 failed or nothing matched, 2 bad command line, filter or configuration,\n"
    "3 daemon not reachable, 4 not permitted.";

inline constexpr std::string_view kProgramExamples =
    "Examples:\n"
    "  finwaitctl                                        every flow\n"
    "  finwaitctl list state fin-wait-2 and idle gt 5m   the half-closed ones that may hang\n"
    "  finwaitctl explain 3f2a-17                        why is this one still there?\n"
    "  finwaitctl count --by client closer server        whose clients do not close?\n"
    "finwaitctl SUBCOMMAND --help tells more of each.\n\n";

inline constexpr std::string_view kCommonHelp =
    "Also --socket, --json[=pretty] and --color: see finwaitctl --help.";

inline constexpr std::string_view kListDetails =
    "CLIENT and SERVER are each side's own address. With -v also what each side takes its peer to be,\n"
    "which NAT makes another one: conntrack is asked for it, and \"-\" stands for a connection that it\n"
    "does not know (any more). With --json that is \"sees\" of \"client\" and \"server\", an object with\n"
    "\"addr\" and \"port\", or null.\n"
    "On a terminal the least important columns are left out when it is narrow; elsewhere none is.";
inline constexpr std::string_view kListExamples =
    "  finwaitctl list -v closer client and not port 22\n"
    "  finwaitctl list --sort -idle --limit 20 state fin-wait-2\n"
    "  finwaitctl list -H -o tsv host 10.0.0.0/8 | cut -f 1\n"
    "  finwaitctl list --json '(' port 80 or port 443 ')' and age gt 1h | jq length\n";

inline constexpr std::string_view kShowExamples = "  finwaitctl show 3f2a-17\n";

inline constexpr std::string_view kExplainDetails =
    "Shows both sides with their numbers; the policy in force, which predicates of its match hold\n"
    "(\"yes\") and on which the answer rests (\"decides\"), and why the policies before it do not match;\n"
    "what the two sides have answered so far; what keeps the flow from being ended now; and what\n"
    "finwaitd will do next, with an answer and without. --json gives the same as data: \"next\" is what\n"
    "comes while nobody answers, \"if_answered\" if all do. Nothing is changed and nothing is sent.\n"
    "Of a flow that has ended lately its last events are printed instead, with exit status 1; with --json\n"
    "that is an object with \"id\", \"ended\": true and \"last_events\".";
inline constexpr std::string_view kShowDetails =
    "Of a flow that has ended lately its last events are printed instead, with exit status 1; with --json\n"
    "that is an object with \"id\", \"ended\": true and \"last_events\".";
inline constexpr std::string_view kExplainExamples = "  finwaitctl explain 3f2a-17\n";

inline constexpr std::string_view kKillDetails =
    "Ends exactly the flows that it has shown, with the numbers that each side expects, at the next\n"
    "moment at which nothing is on its way between them, and waits until each outcome is known:\n"
    "  confirmed    reset, and gone from both ends\n"
    "  unconfirmed  reset; nobody answers to say that it is gone, or that it is not\n"
    "  refused      a side lives on in spite of every RST\n"
    "  closed       it was over by itself\n"
    "  vanished     gone before its end was seen\n"
    "  left         it cannot be ended, and why\n"
    "  pending      not over after 15 seconds without anything new, or not waited for\n"
    "What finwaitd has ended by itself is listed for ten seconds more; a FILTER leaves it out here.\n"
    "Exit status 0 when no flow lives on, 1 when one does, nothing matched, an id is no flow's or the "
    "answer\n"
    "was no, 2 when there was nobody to ask and no --yes. It works with mode = \"observe\" too.";
inline constexpr std::string_view kKillExamples =
    "  finwaitctl kill closer client and server 10.0.0.7\n"
    "  finwaitctl kill 3f2a-17 4-2\n"
    "  finwaitctl kill --yes state fin-wait-2 and idle gt 1h\n";

inline constexpr std::string_view kCountDetails =
    "With --by state the states of both sides are told apart: client's/server's. The largest groups come\n"
    "first; --json gives an array of objects, such as {\"port\":443,\"count\":17}. Beyond 65536 groups the\n"
    "rest is counted together, as \"(others)\" or null.";
inline constexpr std::string_view kCountExamples =
    "  finwaitctl count state close-wait\n"
    "  finwaitctl count --by state\n"
    "  finwaitctl count --by client --limit 10 state fin-wait-2\n";

inline constexpr std::string_view kTopExamples =
    "  finwaitctl top\n"
    "  finwaitctl top closer server and idle gt 1m\n";

inline constexpr std::string_view kEventsDetails =
    "Prints the last few thousand events, oldest first, one JSON object a line with the names of\n"
    "Suricata's EVE: timestamp flow_id event_type src_ip src_port dest_ip dest_port proto, the client\n"
    "being the source, and under \"finwaitd\" what it is about. Types: tcp_half_closed tcp_probe tcp_reset\n"
    "tcp_closed policy_stopped policy_resumed request_refused config_reload rules_changed. Whoever\n"
    "reads more slowly than events come gets {\"event_type\":\"finwaitd_lost\",...} with the number of "
    "those\n"
    "that are missing. FILTER is about the flow as it was at that moment; it cannot ask for the phase.\n"
    "With --follow it ends with 0 when the daemon stops, and with 3 when the daemon is gone without a word.";
inline constexpr std::string_view kEventsExamples =
    "  finwaitctl events --follow --text\n"
    "  finwaitctl events --type tcp_reset port 443\n"
    "  finwaitctl events --text 3f2a-17\n"
    "  finwaitctl events --follow --new | jq -c '[.event_type, .src_ip]'\n";

inline constexpr std::string_view kStatsExamples =
    "  finwaitctl stats\n"
    "  finwaitctl stats --json=pretty\n";
inline constexpr std::string_view kPolicyExamples =
    "  finwaitctl policy\n"
    "  finwaitctl policy --resume web\n";
inline constexpr std::string_view kRulesExamples =
    "  finwaitctl rules\n"
    "  finwaitctl rules --backend nftables\n";
inline constexpr std::string_view kReloadExamples = "  finwaitctl check && finwaitctl reload\n";
inline constexpr std::string_view kCheckDetails =
    "Names the files that were read, says what is wrong in them, and warns of policies that can never be in\n"
    "force. With --system each line is good, unknown, a warning, or a problem. Exit status 1 for a problem,\n"
    "2 for a configuration with errors; a warning is neither.";
inline constexpr std::string_view kCheckExamples =
    "  finwaitctl check\n"
    "  finwaitctl check ./finwaitd.toml\n"
    "  finwaitctl check --system\n";
inline constexpr std::string_view kReplayExamples =
    "  finwaitctl replay capture.pcap\n"
    "  finwaitctl replay --flow 3 --config /etc/finwaitd/finwaitd.toml capture.pcap\n"
    "  tcpdump -w - -c 1000 tcp | finwaitctl replay -\n";
inline constexpr std::string_view kVersionExamples = "  finwaitctl version\n";

}  // namespace finwait::ctl::help
