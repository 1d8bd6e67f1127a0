"""Small packets of known flows, in mode `all`: how many per second, what they cost, how long they take."""

import contextlib

from harness.command import run
from suite import tools
from suite.plan import say
from suite.result import Result, interleave
from suite.site import Arm, Arms, Finwaitd, Floor, settings

_FEW, _MANY = 10_000, 1_000_000
_PACED = 5_000  # per second, for latencies: far from busy


@contextlib.contextmanager
def loads(arms, flows):
    """{arm's name: its load maker, with this many flows known to the gateway}."""
    with contextlib.ExitStack() as stack:
        made = {}
        for arm in arms:
            load = made[arm.name] = stack.enter_context(tools.packets(arm.site))
            opened = load.ask("open" if isinstance(arm, Finwaitd) else "adopt", flows)
            if opened["lost"] > flows / 1000:
                raise tools.Failed(f"{opened['lost']} segments of {flows} handshakes got lost")
        yield made


def check(arm, packets):
    """It has followed them: a number for packets that it has not seen, or not believed, would be worth nothing."""
    stats = arm.daemon.stats()
    seen, invalid, untracked = (stats[f"packets.{kind}"] for kind in ("seen", "invalid", "untracked"))
    if seen < 0.999 * packets or invalid + untracked > 0.001 * seen:
        raise tools.Failed(f"of {packets} packets finwaitd has seen {seen}, {invalid} were invalid, {untracked} untracked")


def _rate_of(arm, load, seconds):
    """(packets per second, microseconds of the gateway program's processor time for each, packets in all)."""
    before = arm.cpu_seconds()
    done = load.ask("rate", seconds, "random")
    handled = done["sent"] - done["lost"]
    return done["per_second"], (arm.cpu_seconds() - before) * 1e6 / handled, handled


def _rates(plan, result, flows, least):
    size = f"{flows:,} flows".replace(",", " ")
    rates, costs = result.sampled(f"Small packets, {size}", "per second"), result.sampled(f"Processor time, {size}",
                                                                                         "µs per packet")
    handled = {}

    def measure(arm):
        rate, cost, more = _rate_of(arm, made[arm.name], plan.seconds(2))
        rates.add(arm.name, rate)
        costs.add(arm.name, cost)
        handled[arm.name] = handled.get(arm.name, 0) + more

    with Arms(lambda: Floor("bare loop", "all", conntrack="off"),
              lambda: Finwaitd("all", settings("all", 2 * max(flows, 500_000)), conntrack="off")) as arms:
        with loads(arms, flows) as made:
            interleave(arms, plan.rounds, measure, lambda n: say(f"  packets, {size}: round {n} of {plan.rounds}"))
            check(arms[1], handled["all"])
    result.figure(f"packets/s, all / bare loop, {size}", rates.ratio("all", "bare loop"), least=least)
    result.figure(f"processor time per packet, all / bare loop, {size}", costs.ratio("all", "bare loop"))


def packets(plan):
    result = Result("packets", "Small packets", rounds=plan.rounds, quick=plan.quick, how=(
        "TCP segments of 12 bytes of data, made by hand, from both sides of established connections between 256 pairs of "
        "addresses, in random order and as fast as the gateway lets them through. conntrack looks away (`CT --notrack`) for "
        "both arms: in the way there is nothing but the queue and who serves it."))
    _rates(plan, result, plan.flows(_FEW), 0.90)
    _rates(plan, result, plan.flows(_MANY), 0.85)
    return result


def latency(plan):
    result = Result("latency", "Added latency", rounds=plan.rounds, quick=plan.quick, how=(
        f"From before the client's sending to the kernel's time stamp at the server, for {_PACED} packets per second of 10 000 "
        "connections: the path of single packets through a gateway that has to be woken up for each."))
    kinds = {kind: result.sampled(f"One-way latency, {kind}", "µs") for kind in ("p50", "p99", "p99.9")}

    def measure(arm):
        done = made[arm.name].ask("latency", plan.seconds(2), _PACED)
        for kind, samples in kinds.items():
            samples.add(arm.name, done[kind])

    with Arms(lambda: Arm("no rules"), lambda: Floor("bare loop, all", "all", conntrack="off"),
              lambda: Finwaitd("selective", settings("selective")),
              lambda: Finwaitd("all", settings("all"), conntrack="off")) as arms:
        with loads(arms, plan.flows(_FEW)) as made:
            interleave(arms, plan.rounds, measure, lambda n: say(f"  latency: round {n} of {plan.rounds}"))
    for kind, samples in kinds.items():
        for arm in ("bare loop, all", "selective", "all"):
            result.figure(f"added latency {kind}, {arm}", samples.median(arm) - samples.median("no rules"), "µs")
    return result


def _system_calls(arm, load, seconds):
    """Per packet, by perf's count of the program's system calls while it is saturated."""
    tools.share_processor(load.pid, arm.pid)
    load.begin("rate", seconds + 1, "random")
    counted = run("perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", arm.pid, "--", "sleep", seconds,
                  timeout=seconds + 30, check=False)
    rate = load.answer()["per_second"]
    fields = next((line.split(",") for line in counted.stderr.splitlines() if "sys_enter" in line), [""])
    if not fields[0].isdigit():
        raise tools.Failed(f"perf could not count system calls:\n{counted.stderr}")
    return int(fields[0]) / seconds / rate


def syscalls(plan):
    result = Result("syscalls", "System calls per packet", rounds=plan.rounds, quick=plan.quick, how=(
        "All system calls of the program's threads, counted by perf. It is saturated: it shares one processor with the "
        "load maker, which goes first, so that thousands of packets wait all the time."))
    samples = result.sampled("System calls", "per packet")
    with Arms(lambda: Floor("bare loop", "all", conntrack="off"),
              lambda: Finwaitd("all", settings("all"), conntrack="off")) as arms:
        with loads(arms, plan.flows(_FEW)) as made:
            interleave(arms, plan.rounds,
                       lambda arm: samples.add(arm.name, _system_calls(arm, made[arm.name], plan.seconds(1))),
                       lambda n: say(f"  syscalls: round {n} of {plan.rounds}"))
    result.figure("system calls per packet at saturation", samples.median("all"), most=0.1)
    return result
