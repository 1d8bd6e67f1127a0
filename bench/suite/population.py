"""With a million flows: what they take of memory, what a listing does to packets, and how long a start takes."""

import contextlib
import os
import signal
import subprocess
import time

from harness import cleanup
from harness.command import die_with_parent
from harness.daemon import Daemon, binary
from suite import tools
from suite.plan import say
from suite.result import Result, interleave
from suite.site import Arm, Arms, Finwaitd, settings

_MILLION = 1_000_000
_PACED = 5_000


def _bytes_per_flow(flows, family):
    configuration = settings("all", flows, intercept={"queues": 1})
    with Finwaitd("all", configuration, conntrack="off") as arm, tools.packets(arm.site, family) as load:
        empty = tools.resident_bytes(arm.pid)
        load.ask("open", flows)
        known = arm.daemon.stats()["flows.total"]
        if known < 0.999 * flows:
            raise tools.Failed(f"only {known} of {flows} flows are in the table")
        say(f"  memory: {flows} IPv{family} flows")
        return tools.resident_bytes(arm.pid) / known, empty


def memory(plan):
    result = Result("memory", "Memory per flow", quick=plan.quick, how=(
        "Resident memory of the whole program (VmRSS), divided by the established flows in its table, which is full; one queue."))
    samples = result.sampled("Resident memory", "bytes per flow")
    for millions, family, reach in ((1, 4, {"most": 128}), (4, 4, {}), (1, 6, {})):
        name = f"{millions}M flows, IPv{family}"
        value, empty = _bytes_per_flow(plan.flows(millions * _MILLION), family)
        samples.add(name, value)
        result.figure(f"memory per flow, {name}", value, "bytes", **reach)
        if family == 4:
            result.figure(f"memory before the first flow, limit {millions}M", empty / (1 << 20), "MiB")
    return result


_ALONE, _BUSY, _LISTING = "alone", "beside a busy loop", "beside a listing"


@contextlib.contextmanager
def _again_and_again(command):
    """A shell runs this in a loop."""
    process = subprocess.Popen(["sh", "-c", f"while :; do {command}; done"], stdin=subprocess.DEVNULL, start_new_session=True,
                               preexec_fn=die_with_parent)

    def stop():
        cleanup.forget(stop)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    cleanup.at_exit(stop)
    try:
        yield
    finally:
        stop()


def listing(plan):
    flows = plan.flows(_MILLION)
    result = Result("listing", "A listing while traffic runs", rounds=plan.rounds, quick=plan.quick, how=(
        f"One-way latency of {_PACED} packets per second of 1M known connections, with and without `finwaitctl list --json` "
        "being run again and again beside it. A shell's empty loop tells what a busy processor alone makes of it."))
    kinds = {kind: result.sampled(f"One-way latency, {kind}", "µs") for kind in ("p50", "p99", "p99.9")}
    with Finwaitd("all", settings("all", 2 * _MILLION), conntrack="off") as arm, tools.packets(arm.site) as load:
        load.ask("open", flows)
        begun = time.monotonic()
        arm.daemon.ctl("list", "--json", timeout=120)
        took = time.monotonic() - begun

        commands = {_BUSY: ":", _LISTING: f'"{binary("finwaitctl")}" --socket "{arm.daemon.socket}" list --json >/dev/null'}

        def measure(beside):
            with _again_and_again(commands[beside]) if beside in commands else contextlib.nullcontext():
                time.sleep(0.2)
                done = load.ask("latency", plan.seconds(3), _PACED)
            for kind, samples in kinds.items():
                samples.add(beside, done[kind])

        interleave([_ALONE, _BUSY, _LISTING], plan.rounds, measure,
                   lambda n: say(f"  listing: round {n} of {plan.rounds}"))
    result.figure("p99 latency while 1M flows are listed / without", kinds["p99"].ratio(_LISTING, _ALONE), most=2)
    result.figure("the same beside a busy loop", kinds["p99"].ratio(_BUSY, _ALONE))
    result.figure("a listing takes", took, "s")
    return result


def _conntrack_most():
    with open("/proc/sys/net/netfilter/nf_conntrack_max", encoding="ascii") as file:
        return int(file.read())


def startup(plan):
    entries = plan.flows(min(_MILLION, int(_conntrack_most() * 0.95)))
    rounds = plan.fewer(7)
    result = Result("startup", "Start", rounds=rounds, quick=plan.quick, how=(
        "From the program's start to its first answer on the control socket, with an empty conntrack table and with a full one."))
    samples = result.sampled("Start", "s")
    if entries < plan.flows(_MILLION):
        result.notes.append(f"This kernel's conntrack holds {_conntrack_most()} entries (nf_conntrack_max): {entries} were made.")

    def measure(arm):
        samples.add(arm.name, arm.start())
        arm.end()

    with Arms(lambda: _Idle("no entries"), lambda: _Idle("many entries")) as arms, \
            tools.packets(arms[1].site) as load:
        load.ask("open", entries)
        interleave(arms, rounds, measure, lambda n: say(f"  startup: round {n} of {rounds}"))
        kept = int(arms[1].site.gateway.run("conntrack", "-C").stdout)
    result.figure("conntrack entries at the end", kept)
    result.figure("start with many entries", samples.median("many entries"), "s")
    return result


class _Idle(Arm):
    """finwaitd is started, and timed, when it is told to; conntrack is at work all the time."""

    def begin(self):
        self.daemon = None
        self.site.track()

    def start(self):
        """Seconds until it answers."""
        self.daemon = Daemon(self.site, settings("selective"), start=False)
        begun = time.monotonic()
        self.daemon.start(interval=0.001)
        return time.monotonic() - begun

    def end(self):
        if self.daemon:
            self.daemon.close()
