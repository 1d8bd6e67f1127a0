"""The report, in Markdown."""

import os
import platform

_NOTE = """\
Four client hosts and three server hosts around one gateway, in network namespaces, over IPv4 and IPv6. One client host and
one server host lose segments ({loss}, each direction), before finwaitd sees them as well as after; one client host is behind
SNAT, one server address behind DNAT. nginx is asked by wrk and curl all the time, with keepalive and without. Beside it
connections are lived by a program that holds both their ends, so that it is known of every reset who has sent it: talks,
crossing closes, aborts, refused SYNs, ports used again, idle ones, living half-closes that stream slowly or are silent for up
to a minute; and orphans, whose application hangs or whose host is switched off, cut off or rebooted. fin_wait_2 changes
between 5 and 20 s by reloads, alive_max is {alive:.0f} s, on_expiry = "probe", orphan_test = "active".
"""
_DEFINITIONS = """\
- **Wrong reset**: an end of a living connection, half-closed or not, that saw ECONNRESET, EPIPE or ECONNABORTED, and nobody
  in the test had sent a reset; also what wrk or curl call a failure to read or write.
- **Orphan beyond its time**: still in `ss` of a living host after the longest fin_wait_2 in force in its life, five questions
  a second apart, the test of an orphan, the reset and its confirmation, and 12 s. A restart begins that anew. Where both ends
  answer and nobody has let go, alive_max counts; also where a lost segment (on the hosts that lose some) has made an
  orphan look alive. Where the FIN itself was lost, and then the host that would have repeated it, there is no half-close: the
  other end is ESTABLISHED by its own `ss` (counted).
- **Agreement**: ss on every host that does not fail, finwaitctl's list, and ss again, every half minute, connection by
  connection. A difference counts if both ss say the same, no retransmission is due, and a look 2.5 s or more later finds the
  very same and the flow not heard of in between. Not compared, for nobody in between can know:
  - the last seconds of a TIME_WAIT, for both have a timer of their own;
  - what began before the daemon and is not in its list, and what was picked up midway and is listed as "unknown";
  - a SYN without an answer, for whoever sent it may cease to wait without telling anybody (the other end may be in TIME_WAIT of
    the connection before);
  - which end of a connection that is over is in TIME_WAIT, where FINs may have crossed and one got lost, or passed while the
    daemon was not there; and a half-close that ended then, until it is asked (both counted below);
  - an orphan that looked alive because a segment was lost, once its kernel has forgotten it (tcp_fin_timeout; counted).
- **Memory**: the daemon's RSS each five seconds, in stretches without a restart, after six minutes of warm-up: slope by least
  squares of what is in small pages, the heap; and how many large pages (2 MiB) the tables have taken since, which they do when
  more flows than ever are busy at a time.
"""


def _table(rows):
    heads = list(rows[0])
    lines = ["| " + " | ".join(heads) + " |", "|" + "--:|" * len(heads)]
    return lines + ["| " + " | ".join(str(row[head]) for head in heads) + " |" for row in rows]


def _percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _totals(book, totals, accepted):
    count = book.count
    rows = {
        "connections made by lives": count["connections"], "connections taken by nginx": accepted,
        "flows that finwaitd saw begin": totals["flows.opened"],
        "flows that became half-closed": totals["flows.became_half_closed"],
        "living half-closes finished, each byte checked": count["living half-closes finished"],
        "segments seen by the daemon": totals["packets.seen"], "lost by its queues": totals["packets.lost"],
        "probes sent": totals["probes.sent"], "RSTs sent": totals["resets.sent"],
        "ends confirmed": totals["resets.confirmed"], "unconfirmed": totals["resets.unconfirmed"],
        "refused": totals["resets.refused"],
    }
    rows |= {name: n for name, n in sorted(count.items()) if name not in (
        "connections", "living half-closes finished", "living half-closes begun", "comparisons")}
    lines = ["| what | how many |", "|---|--:|"] + [f"| {name} | {n} |" for name, n in rows.items()]
    if book.ended_after:
        lines.append(f"| orphans were gone after, median / 99 % / last | {_percentile(book.ended_after, 0.5):.0f} / "
                     f"{_percentile(book.ended_after, 0.99):.0f} / {max(book.ended_after):.0f} s |")
    return lines


def render(book, minutes, verdict, totals, accepted, problems, notes):
    """Everything, as text. `problems` and `notes` are lines of the daemon's log."""
    lines = ["# A soak", "", f"`sudo scripts/soak {minutes:g}`: {book.minute():.0f} minutes on {os.cpu_count()} CPUs, Linux "
             f"{platform.release()}.", "", "## Verdict", "", "| what | |", "|---|---|", *map(str, verdict), "",
             "## What ran", "", notes, "## What the words mean", "", _DEFINITIONS, "## Totals", "",
             *_totals(book, totals, accepted), "", "Lives lived to their end: " +
             ", ".join(f"{kind} {n}" for kind, n in book.kinds.most_common()) + ".", "", "## Minute by minute", "",
             *_table(book.minutes), "", "## Restarts and reloads", "",
             *(f"- {minute:.1f}: {what}" for minute, what in book.incidents), ""]
    for title, texts in (("Wrong resets", book.wrong_resets), ("Failures", book.failures),
                         ("Orphans beyond their time", book.overdue), ("Disagreements", book.disagreements),
                         ("Errors in the log", problems)):
        if texts:
            lines += [f"## {title}", "", "```", *texts[:50], "```", ""]
    return "\n".join(lines)


def what_ran(loss, alive):
    return _NOTE.format(loss=" and ".join(f"{share:.1%}" for share in loss.values()), alive=alive)
