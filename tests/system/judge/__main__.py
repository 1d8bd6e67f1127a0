"""The command line of scripts/judge."""

import argparse
import os
import secrets
import shutil
import sys
import time

from harness.daemon import Daemon, NotStarted
from harness.topology import Lab
from judge import report
from judge.bench import Bench, settings
from judge.capture import Capture
from judge.loss import disturb


def _probability(text):
    value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0 <= value <= 0.3:
        raise argparse.ArgumentTypeError("between 0 and 30%")
    return value


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/judge", description="Lives random lives with real connections through the gateway and holds what "
        "finwaitctl lists against ss at both ends. Exit code 0: they agree on every connection.")
    parser.add_argument("--connections", type=int, default=2500, metavar="N", help="for each mode (%(default)s)")
    parser.add_argument("--loss", type=_probability, default=0.0, metavar="P",
                        help="of segments before the gateway, and again behind it, such as 5%% (none)")
    parser.add_argument("--mode", choices=("selective", "all", "both"), default="both")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="the same seed lives the same lives")
    parser.add_argument("--round", type=int, default=400, metavar="N", help="connections at once (%(default)s)")
    parser.add_argument("--disturb", action="store_true", help="delay, reorder and duplicate, if the kernel has netem")
    parser.add_argument("--to-the-end", action="store_true", help="wait until everything is forgotten, on all sides")
    parser.add_argument("--capture", metavar="DIRECTORY", help="keep the segments, and show those of disagreements")
    return parser.parse_args()


def judge_mode(options, mode):
    """One lab and one daemon. Returns whether all agreed."""
    began = time.monotonic()
    with Lab(client_addresses=32) as lab, Daemon(lab, settings(mode)) as daemon:
        if options.disturb and not disturb(lab):
            print("This kernel has no netem: nothing is delayed, reordered or duplicated.")
        capture = Capture(lab, os.path.join(options.capture, mode)) if options.capture else None
        bench = Bench(daemon, options.seed, options.loss, options.round)
        verdict = bench.judge(options.connections)
        print(report.summary(f"{mode}, {options.loss:.0%} loss on each side, seed {options.seed}", verdict, bench.lost,
                             time.monotonic() - began))
        left = bench.strays()
        if options.to_the_end:
            left += bench.forget()
        if capture:
            capture.close()
    print("\n".join([report.faults(verdict, capture), *left]).strip(), flush=True)
    return verdict.clean() and not left


def main():
    options = arguments()
    if options.capture and not shutil.which("tcpdump"):
        sys.exit("--capture needs tcpdump")
    modes = ("selective", "all") if options.mode == "both" else (options.mode,)
    agreed = [judge_mode(options, mode) for mode in modes]
    sys.exit(0 if all(agreed) else 1)


if __name__ == "__main__":
    try:
        main()
    except NotStarted as error:
        sys.exit(str(error))
