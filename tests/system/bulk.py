"""Bulk throughput through the gateway by iperf3: without rules, and with finwaitd in selective mode, taking turns."""

import argparse
import json
import statistics
import subprocess

from harness import cleanup
from harness.daemon import Daemon
from harness.topology import SERVER, Lab
from harness.wait import until

_PORT = 5201


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bulk", description=__doc__)
    parser.add_argument("-n", "--runs", type=int, default=5, help="runs of each kind (5)")
    parser.add_argument("-t", "--seconds", type=int, default=5, help="length of a run (5)")
    return parser.parse_args()


def start_server(lab):
    server = subprocess.Popen(lab.server.argv("iperf3", "-s", "-p", _PORT), stdout=subprocess.DEVNULL)
    cleanup.at_exit(server.kill)
    until(lambda: lab.server.run("ss", "-H", "-l", "-t", "-n", "sport", "=", f":{_PORT}").stdout, 5)


def measure(lab, seconds):
    """Gbit/s that the receiver saw in one run."""
    done = lab.client.run("iperf3", "-c", SERVER[4], "-p", _PORT, "-t", seconds, "-J", timeout=seconds + 30)
    return json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"] / 1e9


def measure_with_finwaitd(lab, seconds):
    with Daemon(lab):
        return measure(lab, seconds)


def main():
    options = arguments()
    with Lab() as lab:
        start_server(lab)
        measure(lab, 1)  # the first run pays for waking everything up
        rates = {"no rules": [], "selective": []}
        print("  run   no rules   selective   Gbit/s")
        for run in range(1, options.runs + 1):
            rates["no rules"].append(measure(lab, options.seconds))
            rates["selective"].append(measure_with_finwaitd(lab, options.seconds))
            print(f"{run:5} {rates['no rules'][-1]:10.2f} {rates['selective'][-1]:11.2f}", flush=True)
        none, selective = (statistics.median(rates[kind]) for kind in ("no rules", "selective"))
        print(f"median {none:9.2f} {selective:11.2f}\nratio  selective / no rules = {selective / none:.3f}")


if __name__ == "__main__":
    main()
