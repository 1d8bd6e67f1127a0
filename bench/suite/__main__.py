"""The command line of scripts/bench."""

import argparse
import os
import sys
import traceback

from harness.command import CommandFailed
from harness.daemon import NotStarted
from suite import core, document, machine, population, queue, storm, table, throughput, traffic
from suite.plan import Plan, say
from suite.result import Result
from suite.tools import Failed

MEASUREMENTS = {
    "core": core.core, "instructions": core.instructions, "bulk": throughput.bulk, "connections": throughput.connections,
    "packets": traffic.packets, "latency": traffic.latency, "syscalls": traffic.syscalls, "queue": queue.queue,
    "memory": population.memory, "listing": population.listing, "startup": population.startup, "storm": storm.storm,
}
_KEPT = os.path.join("build", "bench")


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measures finwaitd between network namespaces, held against the same rules with a "
        "bare accept-all loop and against no rules. Results go to the terminal and to build/bench/*.json; a full run of "
        "everything, or \"document\", writes docs/performance.md from them. Exit code 1: something could not be measured.")
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"{', '.join(MEASUREMENTS)}, or document (default: all)")
    parser.add_argument("-n", "--rounds", type=int, help="rounds of each comparison (7)")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the flows, half a second a measurement, two "
                        "rounds: shows that everything works, and no numbers")
    options = parser.parse_args()
    unknown = set(options.what) - set(MEASUREMENTS) - {"document"}
    if unknown:
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds takes a number from 1 on")
    return options


def kept():
    """The results of the last runs, in the order of the document."""
    paths = (os.path.join(_KEPT, f"{name}.json") for name in MEASUREMENTS)
    return [Result.load(path) for path in paths if os.path.exists(path)]


def write_document():
    results = [result for result in kept() if not result.quick]
    say(f"wrote {document.write(results, 'docs')}")


def measure(names, plan):
    """(results, names of what failed)."""
    results, failed = [], []
    about = machine.describe()
    for name in names:
        try:
            result = MEASUREMENTS[name](plan)
        except (Failed, NotStarted, CommandFailed) as error:
            print(f"bench: {name}: {error}", file=sys.stderr)
            failed.append(name)
            continue
        except Exception:  # the other measurements are worth having all the same
            traceback.print_exc()
            failed.append(name)
            continue
        result.machine = about
        result.save(_KEPT)
        results.append(result)
        say(f"\n{table.text(result)}\n")
    return results, failed


def main():
    options = arguments()
    names = [name for name in options.what if name != "document"]
    if "document" in options.what and not names:
        return write_document()
    everything = not names
    plan = Plan(options.rounds or (2 if options.quick else 7), options.quick)
    results, failed = measure(names or list(MEASUREMENTS), plan)
    say(table.summary(results))
    if "document" in options.what or (everything and not options.quick and not failed):
        write_document()
    if failed:
        sys.exit(f"bench: not measured: {', '.join(failed)}")


if __name__ == "__main__":
    main()
