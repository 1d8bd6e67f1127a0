"""The command line of scripts/soak."""

import argparse
import asyncio
import contextlib
import os
import resource
import shutil
import signal
import sys

from harness import cleanup
from soak import report, verdict
from soak.agree import Agreement
from soak.book import Book
from soak.crowd import Crowd
from soak.gauges import Gauges
from soak.law import ALIVE_MAX, Law
from soak.orphans import Orphans
from soak.sockets import Doors
from soak.subject import Subject
from soak.town import LOSSY, SERVERS, Town
from soak.turmoil import Turmoil
from soak.web import Web
from soak.wrecks import Wrecks

_LOOK_EVERY = 22.0


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/soak", description="Runs mixed real traffic through a gateway with finwaitd for MINUTES, with orphans of "
        "every kind, living half-closes, loss, NAT, failing hosts, restarts and reloads, and watches it. Exit code 0: no "
        "wrong reset, no orphan beyond its time, all states as in ss, memory and descriptors flat, no error in the log.")
    parser.add_argument("minutes", type=float, metavar="MINUTES")
    parser.add_argument("--rate", type=float, default=1.0, metavar="FACTOR", help="how much traffic (%(default)s)")
    parser.add_argument("--mode", choices=("selective", "all"), default="selective",
                        help="of interception, to begin with; the other one follows in the second half (%(default)s)")
    parser.add_argument("--report", metavar="FILE", help="write the report there, in Markdown")
    return parser.parse_args()


async def _steadily(book, name, part):
    """A part of the soak must not end; if it fails, the verdict says so, and it goes on."""
    while True:
        try:
            await part()
            return
        except Exception as error:  # whatever it is: an hour's run does not end for it
            book.problem(book.failures, f"{name}: {type(error).__name__} {error}")
            await asyncio.sleep(5)


async def soak(options, book, town, daemon, law):
    """All of it; returns what the report is made of."""
    doors = Doors(town, book)
    for name in SERVERS:
        doors.open(name)
    orphans = Orphans(town, daemon, law, book)
    gauges = Gauges(daemon, orphans, book)
    agreement = Agreement(town, daemon, orphans, book)
    web = Web(town, book, 60 * options.rate)
    crowd = Crowd(town, doors, book, orphans, 9 * options.rate, min(1.0, options.minutes / 15))
    end = asyncio.get_running_loop().time() + options.minutes * 60
    parts = {
        "web": web.run, "wrecks": Wrecks(town, doors, book, orphans).run, "orphans": orphans.run, "gauges": gauges.run,
        "agreement": lambda: agreement.run(_LOOK_EVERY), "crowd": lambda: crowd.run(end),
        "turmoil": lambda: Turmoil(daemon, law, book, orphans, agreement, gauges).run(options.minutes),
    }
    tasks = [asyncio.create_task(_steadily(book, name, part)) for name, part in parts.items()]
    await asyncio.sleep(options.minutes * 60)
    accepted = web.accepted()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await orphans.look()
    await asyncio.to_thread(gauges.line)
    for life in list(crowd.tasks):
        life.cancel()
    await asyncio.gather(*crowd.tasks, return_exceptions=True)
    totals, _ = gauges.totals()
    orphans.close()
    web.close()
    return gauges, totals, accepted


def _interrupted(number, _frame):
    print(f"ended by {signal.Signals(number).name}, without a verdict", flush=True)
    cleanup.run_all()
    os._exit(128 + number)


def main():
    options = arguments()
    missing = [tool for tool in ("nginx", "wrk", "curl") if not shutil.which(tool)]
    if missing:
        sys.exit(f"needs {', '.join(missing)}: scripts/packages soak")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _interrupted)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    book, law = Book(), Law(options.mode)
    with contextlib.closing(Town()) as town, Subject(town, law.settings()) as daemon:
        gauges, totals, accepted = asyncio.run(soak(options, book, town, daemon, law))
        log = daemon.log().splitlines()
    errors = [line for line in log if " error: " in line]
    found = verdict.lines(book, gauges, totals, errors)
    text = report.render(book, options.minutes, found, totals, accepted, errors, report.what_ran(LOSSY, ALIVE_MAX))
    for line in [line for line in log if " warning: " in line][:20]:
        print(line)
    if options.report:
        with open(options.report, "w", encoding="utf-8") as file:
            file.write(text)
        print("\n".join(map(str, found)))
    else:
        print(text)
    sys.exit(0 if all(line.holds for line in found) else 1)


if __name__ == "__main__":
    main()
